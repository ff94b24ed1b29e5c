"""What the playbook does about each kind of fact: ``fact_actions.yaml``, read and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from rapport.features.catalog.feature import FAMILIES
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_node import ConfigNode, did_you_mean

KINDS = (
    "open_complaint", "overdue_invoice", "risk_event", "contract_end", "contract_expired", "negative_message",
    "abandoned_cart", "open_deal", "late_order", "silent_decision_maker", "low_rating", "open_ticket", "lead_interest",
    "lead_uncontacted", "lead_review", "chain_gap", "regular_visit",
)  # fmt: skip
PLACEHOLDERS = ("subject", "amount", "deadline", "since", "days", "detail", "step")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_REQUIRED = ("families", "because", "what", "who", "within_days", "contact")


@dataclass(frozen=True)
class FactAction:
    """The step for one kind of fact: its texts are templates, its due date respects the deadline of the fact.

    It answers the reasons of its families; of these, where topics are named, only those that state one of them.
    """

    families: tuple[str, ...]
    topics: tuple[str, ...] | None
    because: LocalizedText
    what: LocalizedText
    who: LocalizedText
    within_days: int
    before_days: int
    contact: bool
    steps: tuple[LocalizedText, ...]

    @property
    def family(self) -> str:
        """Return the family of reasons that it belongs to; it may answer further ones."""
        return self.families[0]

    def answers(self, reason: Mapping[str, object]) -> bool:
        """Tell whether it is what to do about a reason (API JSON), because both are about the same fact."""
        return reason["family"] in self.families and (self.topics is None or reason["topic"] in self.topics)


@dataclass(frozen=True)
class FactActions:
    """The steps by kind of fact, most urgent first."""

    by_kind: Mapping[str, FactAction]

    def of(self, kind: str, *details: object) -> tuple[int, FactAction] | None:
        """Return the step for a fact and its place in the order of urgency; None for a kind without a step.

        ``kind.core.unmet`` is for a detail of two parts; without an entry, that of ``kind.core`` or of ``kind`` serves.
        Of several details, the first that has an entry decides.
        """
        for detail in details:
            name = f"{kind}.{detail}"
            while name not in self.by_kind and "." in name:
                name = name.rpartition(".")[0]
            if name != kind:
                return self._order[name], self.by_kind[name]
        return (self._order[kind], self.by_kind[kind]) if kind in self.by_kind else None

    @cached_property
    def _order(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.by_kind)}


def parse_fact_actions(node: ConfigNode) -> FactActions:
    """Read the steps; every kind of fact needs one."""
    found = {str(name): _fact_action(str(name), each) for name, each in node.items()}
    if missing := [kind for kind in KINDS if kind not in found]:
        raise node.error(f"{', '.join(missing)} has no entry. Every kind of fact needs one.")
    return FactActions(MappingProxyType(found))


def _fact_action(name: str, node: ConfigNode) -> FactAction:
    kind = name.split(".")[0]
    if kind not in KINDS:
        raise node.error(f"“{kind}” is not a kind of fact{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}.")
    node.keys(_REQUIRED, ("topics", "before_days", "steps"))
    return FactAction(
        families=tuple(each.one_of(FAMILIES) for each in node.at("families").lines("family")),
        topics=tuple(each.name() for each in node.at("topics").lines("topic")) if node.has("topics") else None,
        because=_template(node.at("because")),
        what=_template(node.at("what")),
        who=node.at("who").localized(),
        within_days=node.at("within_days").whole(0),
        before_days=node.at("before_days").whole(0) if node.has("before_days") else 0,
        contact=node.at("contact").flag(),
        steps=tuple(_template(each) for each in node.at("steps").lines("step")) if node.has("steps") else (),
    )


def _template(node: ConfigNode) -> LocalizedText:
    text = node.localized()
    for written in (text.en, text.zh):
        for name in _PLACEHOLDER.findall(written):
            if name not in PLACEHOLDERS:
                raise node.error(f"{{{name}}} is not a value of a fact. Values: {', '.join(PLACEHOLDERS)}.")
    return text

"""What the playbook does about each kind of fact: ``fact_actions.yaml``, read and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

from rapport.features.catalog.feature import FAMILIES
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_errors import ConfigError, nearest
from rapport.scoring.cards.config_models import (
    ConfigModel,
    Flag,
    Localized,
    Name,
    NotEmpty,
    Whole,
    one_of,
)

KINDS = (
    "open_complaint", "overdue_invoice", "risk_event", "contract_end", "contract_expired", "negative_message",
    "abandoned_cart", "open_deal", "late_order", "silent_decision_maker", "low_rating", "open_ticket", "lead_interest",
    "lead_uncontacted", "lead_review", "chain_gap", "regular_visit",
)  # fmt: skip
PLACEHOLDERS = ("subject", "amount", "deadline", "since", "days", "detail", "step")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def _check_template(text: LocalizedText) -> LocalizedText:
    for name in _PLACEHOLDER.findall(text.en + text.zh):
        if name not in PLACEHOLDERS:
            raise ConfigError("not_a_value", name=f"{{{name}}}", values=", ".join(PLACEHOLDERS))
    return text


_Template = Annotated[Localized, AfterValidator(_check_template)]


@dataclass(frozen=True)
class FactAction(ConfigModel):
    """The step for one kind of fact: its texts are templates, its due date respects the deadline of the fact.

    It answers the reasons of its families; of these, where topics are named, only those that state one of them.
    """

    families: Annotated[tuple[Annotated[str, one_of(FAMILIES)], ...], NotEmpty]
    because: _Template
    what: _Template
    who: Localized
    within_days: Whole
    contact: Flag
    topics: Annotated[tuple[Name, ...], NotEmpty] | None = None
    before_days: Whole = 0
    steps: tuple[_Template, ...] = ()

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


def _check_kind(name: str) -> str:
    kind = name.split(".")[0]
    if kind not in KINDS:
        raise ConfigError("not_a_kind", kind=kind, near=nearest(kind, KINDS), kinds=", ".join(KINDS))
    return name


def _check_complete(actions: Mapping[str, FactAction]) -> Mapping[str, FactAction]:
    if absent := [kind for kind in KINDS if kind not in actions]:
        raise ConfigError("kinds_missing", kinds=", ".join(absent))
    return MappingProxyType(actions)


ActionOfKind = Annotated[
    Mapping[Annotated[str, AfterValidator(_check_kind)], FactAction], NotEmpty, AfterValidator(_check_complete)
]

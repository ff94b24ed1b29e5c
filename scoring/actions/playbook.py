"""The playbook: what to do about a tier, a reason or a gap. A company's own file replaces the shipped one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from rapport.errors import CardError
from rapport.features.catalog.feature import FAMILIES
from rapport.history.settings import Settings
from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.actions.fact_actions import FactActions, parse_fact_actions
from rapport.scoring.alerts.rules import AlertRules, parse_rules
from rapport.scoring.cards.config_node import ConfigNode, did_you_mean
from rapport.scoring.cards.rfm import RfmSegments, parse_segments
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text
from rapport.scoring.health.rules import HealthRules, parse_health_rules
from rapport.scoring.health.tiers import Hysteresis

FILES = (
    "strategies.yaml", "actions.yaml", "fact_actions.yaml", "steps.yaml", "cadence.yaml", "alerts.yaml",
    "rfm_segments.yaml", "health.yaml",
)  # fmt: skip


LEAST_EVIDENCE = 0.1
"""A reason that moves the odds by less than a tenth calls for nothing."""


@dataclass(frozen=True)
class ReasonAction:
    """The action for a family of reasons; `only_with_fact`: none without a fact of that family, which has its own."""

    what: LocalizedText
    who: LocalizedText
    within_days: int
    only_with_fact: bool = False


@dataclass(frozen=True)
class Playbook:
    """The company's strategies, actions, next steps, cadence, alert rules and segments."""

    strategies: Mapping[str, Mapping[str, LocalizedText]]
    families: Mapping[str, ReasonAction]
    codes: Mapping[str, ReasonAction]
    facts: FactActions
    steps: Mapping[str, Mapping[str, LocalizedText]]
    cadence: Cadence
    hysteresis: Hysteresis
    rules: AlertRules
    segments: RfmSegments
    health: HealthRules

    def strategy(self, card: str, tier: str | None, language: str) -> str | None:
        """Return the strategy for a tier of a card; None where the playbook has none."""
        words = self.strategies.get(card, {}).get(tier or "")
        return None if words is None else localize(words, language)

    def reason_action(self, code: str, family: str, evidence: float) -> ReasonAction | None:
        """Return the action for a reason; None where only a fact calls for one, or where the reason hardly counts.

        ``evidence`` is in log-odds. The action of a named reason needs no strength: what it states calls for it.
        """
        action = self.codes.get(code) or (self.families[family] if abs(evidence) >= LEAST_EVIDENCE else None)
        return None if action is None or action.only_with_fact else action

    def step(self, kind: str, name: str, language: str) -> str:
        """Return the next step for a gap in the stakeholder `chain`, or for a `c139` check."""
        return localize(self.steps[kind][name], language)


def playbook_of(settings: Settings) -> Playbook:
    """Return the playbook that the settings name, or the shipped one."""
    return read_playbook(Path(settings.playbook) if settings.playbook else None)


def read_playbook(folder: Path | None = None) -> Playbook:
    """Read the playbook; a file in the company's folder replaces the shipped one of that name."""
    if folder is not None:
        _check_folder(folder)
    return _parsed_playbook(tuple(_text(name, folder) for name in FILES))


@lru_cache(maxsize=8)
def _parsed_playbook(texts: tuple[str, ...]) -> Playbook:
    """Return the playbook of these texts, in the order of ``FILES``; it is shared, so nothing in it can be changed."""
    text = dict(zip(FILES, texts, strict=True))
    nodes = {name: ConfigNode(name, parse_yaml(text[name], name)) for name in FILES[:5]}
    strategies, actions, steps, pace = (
        nodes[name] for name in ("strategies.yaml", "actions.yaml", "steps.yaml", "cadence.yaml")
    )
    actions.keys(("families", "codes"))
    steps.keys(("chain", "c139"))
    pace.keys(("cadence", "tiers"))
    return Playbook(
        strategies=MappingProxyType({card: _texts(tiers) for card, tiers in strategies.items()}),
        families=_families(actions.at("families")),
        codes=_actions(actions.at("codes")) if actions.value["codes"] else MappingProxyType({}),
        facts=parse_fact_actions(nodes["fact_actions.yaml"]),
        steps=MappingProxyType({kind: _texts(steps.at(kind)) for kind in ("chain", "c139")}),
        cadence=_cadence(pace.at("cadence")),
        hysteresis=_hysteresis(pace.at("tiers")),
        rules=parse_rules(text["alerts.yaml"], "alerts.yaml"),
        segments=parse_segments(text["rfm_segments.yaml"], "rfm_segments.yaml"),
        health=parse_health_rules(text["health.yaml"], "health.yaml"),
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise CardError(f"{folder}: there is no such folder for the playbook.")
    for path in sorted(folder.glob("*.y*ml")):
        if path.name not in FILES:
            raise CardError(f"{path}: no such playbook file{did_you_mean(path.name, FILES)} Files: {', '.join(FILES)}.")


def _text(name: str, folder: Path | None) -> str:
    if folder is not None and (folder / name).is_file():
        return read_text(folder / name)
    return str(resources.files("rapport.scoring.actions").joinpath("shipped", name).read_text(encoding="utf-8"))


def _texts(node: ConfigNode) -> Mapping[str, LocalizedText]:
    return MappingProxyType({name: each.localized() for name, each in node.items()})


def _families(node: ConfigNode) -> Mapping[str, ReasonAction]:
    node.keys(FAMILIES)
    return _actions(node)


def _actions(node: ConfigNode) -> Mapping[str, ReasonAction]:
    return MappingProxyType({name: _action(each) for name, each in node.items()})


def _action(node: ConfigNode) -> ReasonAction:
    node.keys(("what", "who", "within_days"), ("only_with_fact",))
    return ReasonAction(
        node.at("what").localized(),
        node.at("who").localized(),
        node.at("within_days").whole(0),
        node.at("only_with_fact").flag() if node.has("only_with_fact") else False,
    )


def _cadence(node: ConfigNode) -> Cadence:
    required, visits = ("high_risk_days", "rfm_days", "full_days"), tuple(each.name for each in fields(Cadence))[3:]
    node.keys(required, visits)
    return Cadence(**{key: node.at(key).whole(1) for key in (*required, *visits) if node.has(key)})


def _hysteresis(node: ConfigNode) -> Hysteresis:
    node.keys(("margin", "dwell_days"))
    return Hysteresis(node.at("margin").number(), node.at("dwell_days").whole(0))

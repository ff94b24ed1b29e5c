"""The playbook: what to do about a tier, a reason or a gap. A company's own file replaces the shipped one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from rapport.errors import CardError
from rapport.features.catalog.feature import FAMILIES
from rapport.history.settings import Settings
from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.alerts.rules import AlertRules, parse_rules
from rapport.scoring.cards.config_node import ConfigNode, did_you_mean
from rapport.scoring.cards.rfm import RfmSegments, parse_segments
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text
from rapport.scoring.health.rules import HealthRules, parse_health_rules
from rapport.scoring.health.tiers import Hysteresis

FILES = (
    "strategies.yaml", "actions.yaml", "steps.yaml", "cadence.yaml", "alerts.yaml", "rfm_segments.yaml", "health.yaml",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """A recommended action: what, who, and within how many days."""

    what: LocalizedText
    who: LocalizedText
    within_days: int


@dataclass(frozen=True)
class Playbook:
    """The company's strategies, actions, next steps, cadence, alert rules and segments."""

    strategies: Mapping[str, Mapping[str, LocalizedText]]
    families: Mapping[str, Action]
    codes: Mapping[str, Action]
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

    def action(self, code: str, family: str, as_of: datetime, language: str) -> dict[str, Any]:
        """Return the action for a reason: text, who, due date and the reason's code."""
        action = self.codes.get(code) or self.families[family]
        due = (as_of + timedelta(days=action.within_days)).date().isoformat()
        return {
            "text": localize(action.what, language),
            "who": localize(action.who, language),
            "due": due,
            "code": code,
        }

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
    strategies = _parsed("strategies.yaml", folder)
    actions = _parsed("actions.yaml", folder)
    actions.keys(("families", "codes"))
    steps = _parsed("steps.yaml", folder)
    steps.keys(("chain", "c139"))
    pace = _parsed("cadence.yaml", folder)
    pace.keys(("cadence", "tiers"))
    return Playbook(
        strategies={
            card: {tier: each.localized() for tier, each in tiers.items()} for card, tiers in strategies.items()
        },
        families=_families(actions.at("families")),
        codes={code: _action(each) for code, each in actions.at("codes").items()} if actions.value["codes"] else {},
        steps={kind: _texts(steps.at(kind)) for kind in ("chain", "c139")},
        cadence=_cadence(pace.at("cadence")),
        hysteresis=_hysteresis(pace.at("tiers")),
        rules=parse_rules(_text("alerts.yaml", folder), "alerts.yaml"),
        segments=parse_segments(_text("rfm_segments.yaml", folder), "rfm_segments.yaml"),
        health=parse_health_rules(_text("health.yaml", folder), "health.yaml"),
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


def _parsed(name: str, folder: Path | None) -> ConfigNode:
    return ConfigNode(name, parse_yaml(_text(name, folder), name))


def _texts(node: ConfigNode) -> dict[str, LocalizedText]:
    return {name: each.localized() for name, each in node.items()}


def _families(node: ConfigNode) -> dict[str, Action]:
    node.keys(FAMILIES)
    return {family: _action(each) for family, each in node.items()}


def _action(node: ConfigNode) -> Action:
    node.keys(("what", "who", "within_days"))
    return Action(node.at("what").localized(), node.at("who").localized(), node.at("within_days").whole(0))


def _cadence(node: ConfigNode) -> Cadence:
    node.keys(("high_risk_days", "rfm_days", "full_days"))
    return Cadence(*(node.at(key).whole(1) for key in ("high_risk_days", "rfm_days", "full_days")))


def _hysteresis(node: ConfigNode) -> Hysteresis:
    node.keys(("margin", "dwell_days"))
    return Hysteresis(node.at("margin").number(), node.at("dwell_days").whole(0))

"""Reads the playbook: shipped files, each replaced by the file of the same name in a company's own folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from rapport.features.feature import FAMILIES
from rapport.history.contract import Words
from rapport.history.settings import Settings
from rapport.scoring.alerts.rules import Rules, rules_of_text
from rapport.scoring.cadence import Cadence
from rapport.scoring.cards.indicator import said
from rapport.scoring.cards.place import Place, hint
from rapport.scoring.cards.rfm import Segments, segments_of_text
from rapport.scoring.cards.yaml_text import parse_yaml, read_text
from rapport.scoring.tiers import Memory

from rapport.errors import CardError

FILES = ("strategies.yaml", "actions.yaml", "steps.yaml", "cadence.yaml", "alerts.yaml", "rfm_segments.yaml")


@dataclass(frozen=True)
class Action:
    """What is to be done, by whom, and within how many days."""

    what: Words
    who: Words
    within_days: int


@dataclass(frozen=True)
class Playbook:
    """All that a company says about what to do."""

    strategies: Mapping[str, Mapping[str, Words]]
    families: Mapping[str, Action]
    codes: Mapping[str, Action]
    steps: Mapping[str, Mapping[str, Words]]
    cadence: Cadence
    memory: Memory
    rules: Rules
    segments: Segments

    def strategy(self, card: str, tier: str | None, language: str) -> str | None:
        """Say how a tier of a card is treated; None where the company says nothing."""
        words = self.strategies.get(card, {}).get(tier or "")
        return None if words is None else said(words, language)

    def action(self, code: str, family: str, as_of: datetime, language: str) -> dict[str, Any]:
        """Say what to do about a reason: text, who, due date and the reason's code."""
        action = self.codes.get(code) or self.families[family]
        due = (as_of + timedelta(days=action.within_days)).date().isoformat()
        return {"text": said(action.what, language), "who": said(action.who, language), "due": due, "code": code}

    def step(self, kind: str, name: str, language: str) -> str:
        """Say the next step for a gap in the `chain`, or for a `c139` check."""
        return said(self.steps[kind][name], language)


def playbook_of(settings: Settings) -> Playbook:
    """Return the playbook of a company: its own files where its settings name a folder."""
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
        strategies={card: {tier: each.words() for tier, each in tiers.items()} for card, tiers in strategies.items()},
        families=_families(actions.at("families")),
        codes={code: _action(each) for code, each in actions.at("codes").items()} if actions.value["codes"] else {},
        steps={kind: {name: each.words() for name, each in steps.at(kind).items()} for kind in ("chain", "c139")},
        cadence=_cadence(pace.at("cadence")),
        memory=_memory(pace.at("tiers")),
        rules=rules_of_text(_text("alerts.yaml", folder), "alerts.yaml"),
        segments=segments_of_text(_text("rfm_segments.yaml", folder), "rfm_segments.yaml"),
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise CardError(f"{folder}: there is no such folder for the playbook.")
    for path in sorted(folder.glob("*.y*ml")):
        if path.name not in FILES:
            raise CardError(f"{path}: no such playbook file{hint(path.name, FILES)} Files: {', '.join(FILES)}.")


def _text(name: str, folder: Path | None) -> str:
    if folder is not None and (folder / name).is_file():
        return read_text(folder / name)
    return str(resources.files("rapport.scoring.playbook").joinpath("shipped", name).read_text(encoding="utf-8"))


def _parsed(name: str, folder: Path | None) -> Place:
    return Place(name, parse_yaml(_text(name, folder), name))


def _families(place: Place) -> dict[str, Action]:
    place.keys(FAMILIES)
    return {family: _action(each) for family, each in place.items()}


def _action(place: Place) -> Action:
    place.keys(("what", "who", "within_days"))
    return Action(place.at("what").words(), place.at("who").words(), place.at("within_days").whole(0))


def _cadence(place: Place) -> Cadence:
    place.keys(("high_risk_days", "rfm_days", "full_days"))
    return Cadence(*(place.at(key).whole(1) for key in ("high_risk_days", "rfm_days", "full_days")))


def _memory(place: Place) -> Memory:
    place.keys(("margin", "dwell_days"))
    return Memory(place.at("margin").number(), place.at("dwell_days").whole(0))

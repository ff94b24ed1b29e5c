"""The playbook: what to do about a tier, a reason or a gap. A company's own file replaces the shipped one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, ValidateAs

from rapport.features.catalog.feature import FAMILIES
from rapport.history.settings import Settings
from rapport.localized import LocalizedText, localize
from rapport.scoring.actions.cadence import Cadence
from rapport.scoring.actions.fact_actions import ActionOfKind, FactActions
from rapport.scoring.alerts.rules import AlertRules
from rapport.scoring.cards.config_errors import ConfigError, nearest
from rapport.scoring.cards.config_models import (
    ConfigModel,
    Flag,
    Localized,
    NotEmpty,
    Whole,
    keys_of,
    parse_config,
)
from rapport.scoring.cards.rfm import RfmSegments
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text
from rapport.scoring.health.rules import HealthRules
from rapport.scoring.health.tiers import Hysteresis
from rapport.shipped_yaml import read_shipped

LEAST_EVIDENCE = 0.1
"""A reason that moves the odds by less than a tenth calls for nothing."""


@dataclass(frozen=True)
class ReasonAction(ConfigModel):
    """The action for a family of reasons; `only_with_fact`: none without a fact of that family, which has its own."""

    what: Localized
    who: Localized
    within_days: Whole
    only_with_fact: Flag = False


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


class _File(NamedTuple):
    """A file of the playbook: the company's own, which is checked strictly, or the shipped one."""

    name: str
    text: str
    own: bool


def playbook_of(settings: Settings) -> Playbook:
    """Return the playbook that the settings name, or the shipped one."""
    return read_playbook(Path(settings.playbook) if settings.playbook else None)


def read_playbook(folder: Path | None = None) -> Playbook:
    """Read the playbook; a file in the company's folder replaces the shipped one of that name."""
    if folder is not None:
        _check_folder(folder)
    return _parsed_playbook(tuple(_file(name, folder) for name in FILES))


@lru_cache(maxsize=8)
def _parsed_playbook(read: tuple[_File, ...]) -> Playbook:
    """Return the playbook of these files, those of ``FILES``; it is shared, so nothing in it can be changed."""
    written = {each.name: parse_yaml(each.text, each.name) if each.own else read_shipped(each.text) for each in read}
    files = parse_config(_Files, written, "")
    return Playbook(
        strategies=files.strategies,
        families=files.actions.families,
        codes=files.actions.codes,
        facts=FactActions(files.facts),
        steps=MappingProxyType(vars(files.steps)),
        cadence=files.pace.cadence,
        hysteresis=files.pace.tiers,
        rules=files.rules,
        segments=files.segments,
        health=files.health,
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError("no_playbook_folder", path=folder)
    for path in sorted(folder.glob("*.y*ml")):
        if path.name not in FILES:
            near, files = nearest(path.name, FILES), ", ".join(FILES)
            raise ConfigError("unknown_playbook_file", path=path, near=near, files=files)


def _file(name: str, folder: Path | None) -> _File:
    if folder is not None and (folder / name).is_file():
        return _File(name, read_text(folder / name), own=True)
    shipped = resources.files("rapport.scoring.actions").joinpath("shipped", name)
    return _File(name, shipped.read_text(encoding="utf-8"), own=False)


_READ_ONLY = AfterValidator(MappingProxyType)
_Texts = Annotated[Mapping[str, Localized], NotEmpty, _READ_ONLY]
_Families = make_dataclass("_Families", [(family, ReasonAction) for family in FAMILIES], bases=(ConfigModel,))
_ActionOf = Annotated[Mapping[str, ReasonAction], _READ_ONLY]


@dataclass(frozen=True)
class _Actions(ConfigModel):
    families: Annotated[
        Mapping[str, ReasonAction], ValidateAs(_Families, lambda actions: MappingProxyType(vars(actions)))
    ]
    codes: _ActionOf = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class _Steps(ConfigModel):
    chain: _Texts
    c139: _Texts


@dataclass(frozen=True)
class _Pace(ConfigModel):
    cadence: Cadence
    tiers: Hysteresis


@dataclass(frozen=True)
class _Files(ConfigModel):
    strategies: Annotated[Mapping[str, _Texts], NotEmpty, _READ_ONLY, Field(alias="strategies.yaml")]
    actions: Annotated[_Actions, Field(alias="actions.yaml")]
    facts: Annotated[ActionOfKind, Field(alias="fact_actions.yaml")]
    steps: Annotated[_Steps, Field(alias="steps.yaml")]
    pace: Annotated[_Pace, Field(alias="cadence.yaml")]
    rules: Annotated[AlertRules, Field(alias="alerts.yaml")]
    segments: Annotated[RfmSegments, Field(alias="rfm_segments.yaml")]
    health: Annotated[HealthRules, Field(alias="health.yaml")]


FILES = tuple(keys_of(_Files))

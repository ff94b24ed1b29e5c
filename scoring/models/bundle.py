"""Everything that is needed to reproduce a score: one immutable value, stored as JSON and booster texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rapport.durations import parse_duration
from rapport.errors import BundleError, RapportError
from rapport.features import BY_ORDERS, ChurnRule
from rapport.features.catalog.feature import FAMILIES
from rapport.history import Settings
from rapport.languages import grammar
from rapport.localized import LocalizedText
from rapport.scoring.messages import MESSAGES
from rapport.scoring.models.blend import Blend, sigmoid
from rapport.scoring.models.bundle_files import MAIN, read_folder, write_folder
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.evaluation_record import EvaluationRecord, ProvenanceRecord
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.card import CardMember
from rapport.scoring.models.members.loading import load_member
from rapport.scoring.models.members.member import EnsembleMember
from rapport.scoring.models.reference import ReferencePopulation
from rapport.scoring.models.spend_model import SpendModel
from rapport.scoring.models.stored_names import with_current_names
from rapport.scoring.models.timing.event_timing import EventTiming

ELIGIBLE = {"churn": "active", "conversion": "new"}
# The fields that are stored as they are.
_PLAIN = (
    "target",
    "version",
    "horizon",
    "active_window",
    "fingerprint",
    "vocabulary",
    "currency",
    "grade",
    "tables",
    "evaluation",
    "provenance",
)
# The fields whose key in bundle.json differs. Stored bundles keep these keys; they never change.
STORED_KEYS: Mapping[str, str] = {
    "active_window": "active",
    "provenance": "record",
    "members": "experts",
    "fallback": "basis",
    "spend_model": "spend",
}


@dataclass(frozen=True)
class Fallback:
    """Which members the answers use, where the history was too small for the full ensemble.

    ``label`` is the stored name: "committee" (the full ensemble), "card_and_rhythm" or "card" (too few outcomes),
    "best_member" or "rate" (grade D); ``en``, ``zh`` and, for further languages, ``further`` give the reason.
    """

    label: str = "committee"
    en: str = ""
    zh: str = ""
    further: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, label: str, *reasons: LocalizedText) -> "Fallback":
        """Return a fallback with the sentences that are its reason."""
        text = LocalizedText.sentences(reasons)
        return cls(label, text.en, text.zh, text.further)

    @property
    def reason(self) -> LocalizedText:
        """Return the reason in every language."""
        return LocalizedText.from_dict({**self.further, "en": self.en, "zh": self.zh})

    def to_dict(self) -> dict[str, Any]:
        """Return the fallback as JSON."""
        return {name: value for name, value in asdict(self).items() if value or name != "further"}


# Compared by identity: two bundles with equal content are still two publications.
@dataclass(frozen=True, eq=False)
class Bundle:
    """The fitted ensemble of one target, its reference population and its provenance.

    Parameters
    ----------
    columns : the features, in the order in which every member reads them.
    fingerprint, vocabulary : of the feature catalog that the model was trained with.
    rule : the definition of churn; it also decides who is active.
    tables : the tables that the company's history has; a feature of any other table is unknown, not 0.
    model_blend : the ensemble without the card, calibrated separately, for ``model_probability``.
    interval, individual : of the rate of similar customers, and of one customer's own probability; bundles of format 1
        have only one, of the latter.
    timing : when the event comes; bundles of format 1 have none.
    evaluation, provenance : what training measured, and its inputs (data fingerprint, settings, seeds, versions);
        stored and shown, never used in a score.
    """

    target: str
    version: str
    horizon: str
    active_window: str
    columns: tuple[FeatureColumn, ...]
    fingerprint: str
    members: tuple[EnsembleMember, ...]
    blend: Blend
    model_blend: Blend
    reference: ReferencePopulation = field(default_factory=ReferencePopulation)
    rule: ChurnRule = BY_ORDERS
    vocabulary: Any = None
    tables: Sequence[str] = ()
    interval: PredictionInterval | None = None
    individual: PredictionInterval | None = None
    spend_model: SpendModel | None = None
    timing: EventTiming | None = None
    fallback: Fallback = Fallback()
    currency: str = "CNY"
    grade: str = ""
    evaluation: EvaluationRecord = field(default_factory=EvaluationRecord)
    provenance: ProvenanceRecord = field(default_factory=ProvenanceRecord)

    @property
    def eligible(self) -> str:
        """Return the state whose customers get a probability."""
        return ELIGIBLE[self.target]

    @cached_property
    def is_risk(self) -> bool:
        """Tell whether a higher probability is bad news."""
        return self.target == "churn"

    @property
    def has_model(self) -> bool:
        """Tell whether any member except the card has a weight."""
        return any(self.model_blend.share(member.name) > 0 for member in self.members)

    @cached_property
    def base(self) -> float:
        """Return the mean blended log-odds of the reference population: the origin of all evidence."""
        no_rows = Matrix(self.columns, np.empty((0, len(self.columns))))
        return self.blend.base({member.name: member.contributions(no_rows).mean for member in self.members})

    @cached_property
    def base_rate(self) -> float:
        """Return the base as a probability."""
        return float(sigmoid(np.asarray(self.base)))

    @cached_property
    def training_range(self) -> tuple[Floats, Floats]:
        """Return the lowest and highest value of each column that is like those of training."""
        return self.reference.bounds(self.columns)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Return the families of evidence, in the order of the evidence columns."""
        return tuple(dict.fromkeys([*FAMILIES, *(column.family for column in self.columns)]))

    @cached_property
    def by_name(self) -> dict[str, FeatureColumn]:
        """Return the columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def card(self) -> CardMember | None:
        """Return the scorecard member, if the ensemble has one."""
        return next((member for member in self.members if isinstance(member, CardMember)), None)

    def centred_on(self, rows: Matrix) -> "Bundle":
        """Return the same bundle with every member and the reference population centred on ``rows``."""
        members = tuple(member.centred_on(rows) for member in self.members)
        centred = replace(self, members=members)
        return replace(centred, reference=ReferencePopulation.of(rows, centred.logit(rows)))

    def logit(self, rows: Matrix) -> Floats:
        """Return the blended log-odds of each row, without reasons."""
        logits = {member.name: member.contributions(rows).logit() for member in self.members}
        return self.blend.logit(logits, len(rows))

    def expected_spend(self, rows: Matrix) -> Floats:
        """Return the spend if retained of each row within the horizon; nan for a target without one."""
        model = self.spend_model or (SpendModel.naive(self.horizon_days) if self.is_risk else None)
        if model is None or model.feature not in rows.positions:
            return np.full(len(rows), np.nan)
        return model.expected(rows)

    @property
    def horizon_days(self) -> float:
        """Return the horizon in days."""
        horizon = parse_duration(self.horizon)
        return horizon.months * 365 / 12 + horizon.days

    def check_catalog(self, catalog: Any) -> None:
        """Refuse a catalog that does not compute the features of this bundle, and name the difference.

        A catalog with further features is accepted: the bundle reads its own columns by name.
        """
        if catalog.fingerprint == self.fingerprint or catalog.of(self.by_name).fingerprint == self.fingerprint:
            return
        difference = _difference(set(self.by_name), {feature.name for feature in catalog.features})
        raise BundleError(
            f"the {self.target} model {self.version} was trained with another feature catalog ({difference}). "
            "Train again, or install the version of Rapport that trained it."
        )

    def settings_mismatch(self, settings: Settings, language: str = "en") -> str | None:
        """Return a sentence that names the settings which differ from those of the training; None if there are none."""
        now = {"horizon": str(parse_duration(settings.horizon)), "active": str(parse_duration(settings.active_window))}
        own = {"horizon": self.horizon, "active": self.active_window}
        if self.is_risk:
            now["churn"], own["churn"] = ChurnRule.of(settings).as_text(), self.rule.as_text()
        differing = [name for name in own if own[name] != now[name]]
        if not differing:
            return None
        say = MESSAGES.translator(language)
        listed = (say("settings.one", name=name, own=own[name], now=now[name]) for name in differing)
        text = grammar(language).semicolon.join(listed)
        return str(say("settings.differ", target=self.target, version=self.version, listed=text))

    def save(self, folder: Path) -> Path:
        """Write the bundle as a folder; it appears complete or not at all."""
        files: dict[str, str] = self.spend_model.files() if self.spend_model else {}
        for part in (*self.members, *([self.timing] if self.timing else ())):
            files = files | part.files()
        return write_folder(folder, self._stored(), files)

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Load a folder that ``save`` wrote; a damaged one is refused by the name of the file."""
        by_key, files = read_folder(folder)
        try:
            by_key = with_current_names(by_key)
            stored = {**by_key, **{name: by_key[key] for name, key in STORED_KEYS.items()}}
            return cls(
                **{name: stored[name] for name in _PLAIN},
                columns=tuple(FeatureColumn.from_dict(column) for column in stored["columns"]),
                members=tuple(load_member(member, files) for member in stored["members"]),
                blend=Blend(**stored["blend"]),
                model_blend=Blend(**stored["model_blend"]),
                reference=ReferencePopulation.from_dict(stored["reference"]),
                interval=_interval(stored["interval"]),
                individual=_interval(stored["individual"]),
                spend_model=SpendModel.from_dict(stored["spend_model"], files) if stored["spend_model"] else None,
                timing=EventTiming.from_dict(stored["timing"], files) if stored["timing"] else None,
                fallback=Fallback(**stored["fallback"]),
                rule=ChurnRule(**stored["rule"]),
            )
        except RapportError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise BundleError(
                f"{folder / MAIN} lacks {error}, or its value has the wrong type. Publish the bundle again."
            ) from error

    def _stored(self) -> dict[str, object]:
        fields = {
            **{name: getattr(self, name) for name in _PLAIN},
            "fallback": self.fallback.to_dict(),
            "rule": asdict(self.rule),
            "columns": [column.to_dict() for column in self.columns],
            "members": [member.to_dict() for member in self.members],
            "blend": self.blend.to_dict(),
            "model_blend": self.model_blend.to_dict(),
            "interval": self.interval.to_dict() if self.interval else None,
            "individual": self.individual.to_dict() if self.individual else None,
            "spend_model": self.spend_model.to_dict() if self.spend_model else None,
            "timing": self.timing.to_dict() if self.timing else None,
            "reference": self.reference.to_dict(),
        }
        return {STORED_KEYS.get(name, name): value for name, value in fields.items()}


def _interval(stored: Mapping[str, object] | None) -> PredictionInterval | None:
    return PredictionInterval.from_dict(stored) if stored else None


def _difference(own: set[str], current: set[str]) -> str:
    removed, added = sorted(own - current), sorted(current - own)
    parts = []
    if removed:
        parts.append(
            f"it reads {', '.join(removed[:5])}{' and others' if len(removed) > 5 else ''}, which no longer exist"
        )
    if added:
        parts.append(f"it does not know the new {', '.join(added[:5])}{' and others' if len(added) > 5 else ''}")
    return "; ".join(parts) or "the same names, but some are computed in another way"

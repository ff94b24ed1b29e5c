"""All that is needed to repeat a score: one frozen value, kept as a folder of JSON and booster texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rapport.features import BY_ORDERS, ChurnRule
from rapport.features.feature import FAMILIES
from rapport.history import Settings
from rapport.scoring.blend import Blend, sigmoid
from rapport.scoring.bundle_files import MAIN, read_folder, write_folder
from rapport.scoring.columns import Column
from rapport.scoring.experts import Expert
from rapport.scoring.experts.card import CardExpert
from rapport.scoring.experts.stored import expert_of
from rapport.scoring.interval import Interval
from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.reference import Reference
from rapport.scoring.spend import Spend

from rapport.durations import parse_span
from rapport.errors import BundleError, RapportError

ELIGIBLE = {"churn": "active", "conversion": "new"}
_PLAIN = (
    "target",
    "version",
    "horizon",
    "active",
    "fingerprint",
    "vocabulary",
    "currency",
    "grade",
    "tables",
    "evaluation",
    "record",
)


@dataclass(frozen=True)
class Basis:
    """What the answer rests on, when there was not enough history for the whole committee.

    ``label`` is "committee", "card_and_rhythm" or "card"; ``en`` and ``zh`` say why in a sentence.
    """

    label: str = "committee"
    en: str = ""
    zh: str = ""


# Compared by identity: two bundles with equal content are still two publications.
@dataclass(frozen=True, eq=False)
class Bundle:
    """A target's committee, its reference population and its record.

    Parameters
    ----------
    columns : the features, in the order in which every expert reads them.
    fingerprint, vocabulary : of the catalog that measured them.
    rule : what churn was judged by; it also says who is active.
    tables : what the company's history keeps; a feature of any other is unknown, not 0.
    model_blend : the committee without the card, calibrated by itself, for ``model_probability``.
    evaluation, record : what training measured and what it was made from (data fingerprint, settings, seeds, versions);
        kept as they are and shown, never read to make a score.
    """

    target: str
    version: str
    horizon: str
    active: str
    columns: tuple[Column, ...]
    fingerprint: str
    experts: tuple[Expert, ...]
    blend: Blend
    model_blend: Blend
    reference: Reference = field(default_factory=Reference)
    rule: ChurnRule = BY_ORDERS
    vocabulary: Any = None
    tables: Sequence[str] = ()
    interval: Interval | None = None
    spend: Spend | None = None
    basis: Basis = Basis()
    currency: str = "CNY"
    grade: str = ""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def eligible(self) -> str:
        """Name the state whose customers get a probability."""
        return ELIGIBLE[self.target]

    @property
    def is_risk(self) -> bool:
        """Tell whether a higher probability is bad news."""
        return self.target == "churn"

    @property
    def has_model(self) -> bool:
        """Tell whether anyone but the card has a voice."""
        return any(self.model_blend.share(expert.name) > 0 for expert in self.experts)

    @cached_property
    def base(self) -> float:
        """Give the mean blended log-odds of the reference population: what all evidence is measured from."""
        nobody = Matrix(self.columns, np.empty((0, len(self.columns))))
        return self.blend.base({expert.name: expert.read(nobody).mean for expert in self.experts})

    @cached_property
    def base_rate(self) -> float:
        """Give the base as a probability."""
        return float(sigmoid(np.asarray(self.base)))

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Name the families of evidence, in the order in which reasons are told apart."""
        return tuple(dict.fromkeys([*FAMILIES, *(column.family for column in self.columns)]))

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Find a column by its name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def card(self) -> CardExpert | None:
        """Give the card's seat on the committee, if it has one."""
        return next((expert for expert in self.experts if isinstance(expert, CardExpert)), None)

    def centred_on(self, rows: Matrix) -> "Bundle":
        """Give the same bundle with every expert and the reference centred on ``rows``."""
        experts = tuple(expert.centred_on(rows) for expert in self.experts)
        centred = replace(self, experts=experts)
        return replace(centred, reference=Reference.of(rows, centred.logit(rows)))

    def logit(self, rows: Matrix) -> Floats:
        """Give the blended log-odds of each row, without reasons."""
        said = {expert.name: expert.read(rows).logit() for expert in self.experts}
        return self.blend.logit(said, len(rows))

    def refuse_unless_fits(self, catalog: Any) -> None:
        """Refuse a catalog that does not measure what this bundle reads, by the difference."""
        if catalog.fingerprint == self.fingerprint:
            return
        difference = _difference(set(self.by_name), {feature.name for feature in catalog.features})
        raise BundleError(
            f"the {self.target} model {self.version} was trained with another catalog of features ({difference}). "
            "Train again, or run the version that it was trained with."
        )

    def says_otherwise(self, settings: Settings, language: str = "en") -> str | None:
        """Say in a sentence where the settings now ask for something else than this bundle answers; None if nowhere."""
        now = {"horizon": str(parse_span(settings.horizon)), "active": str(parse_span(settings.active))}
        own = {"horizon": self.horizon, "active": self.active}
        if self.is_risk:
            now["churn"], own["churn"] = ChurnRule.of(settings).said(), self.rule.said()
        other = [name for name in own if own[name] != now[name]]
        if not other:
            return None
        if language == "zh":
            told = "；".join(f"{name}：{own[name]}，而非 {now[name]}" for name in other)
            return (
                f"模型 {self.target} {self.version} 按训练时的设定作答，与 rapport.toml 现在的设定不同（{told}）。"
                "如需更改，请重新训练。"
            )
        told = "; ".join(f"{name}: {own[name]}, not {now[name]}" for name in other)
        return (
            f"The {self.target} model {self.version} answers what it was trained for, not what rapport.toml says now "
            f"({told}). Train again to change it."
        )

    def save(self, folder: Path) -> Path:
        """Write the bundle as a folder; it appears whole or not at all."""
        files: dict[str, str] = self.spend.files() if self.spend else {}
        for expert in self.experts:
            files = files | expert.files()
        return write_folder(folder, self._described(), files)

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Read a folder that ``save`` wrote; a damaged one is refused by the file's name."""
        stored, files = read_folder(folder)
        try:
            return cls(
                **{name: stored[name] for name in _PLAIN},
                columns=tuple(Column.from_dict(column) for column in stored["columns"]),
                experts=tuple(expert_of(expert, files) for expert in stored["experts"]),
                blend=Blend(**stored["blend"]),
                model_blend=Blend(**stored["model_blend"]),
                reference=Reference.from_dict(stored["reference"]),
                interval=Interval.from_dict(stored["interval"]) if stored["interval"] else None,
                spend=Spend.from_dict(stored["spend"], files) if stored["spend"] else None,
                basis=Basis(**stored["basis"]),
                rule=ChurnRule(**stored["rule"]),
            )
        except RapportError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise BundleError(f"{folder / MAIN} lacks or misplaces {error}. Publish the bundle again.") from error

    def _described(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "basis": asdict(self.basis),
            "rule": asdict(self.rule),
            "columns": [column.to_dict() for column in self.columns],
            "experts": [expert.to_dict() for expert in self.experts],
            "blend": self.blend.to_dict(),
            "model_blend": self.model_blend.to_dict(),
            "interval": self.interval.to_dict() if self.interval else None,
            "spend": self.spend.to_dict() if self.spend else None,
            "reference": self.reference.to_dict(),
        }


def _difference(ours: set[str], theirs: set[str]) -> str:
    gone, added = sorted(ours - theirs), sorted(theirs - ours)
    parts = []
    if gone:
        parts.append(f"it reads {', '.join(gone[:5])}{' and others' if len(gone) > 5 else ''}, not measured now")
    if added:
        parts.append(f"now measured but unknown to it: {', '.join(added[:5])}{' and others' if len(added) > 5 else ''}")
    return "; ".join(parts) or "the same names, but some are measured in another way"

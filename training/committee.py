"""Fit the parts of the committee on the slices of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from rapport.scoring.cards import Card
from rapport.scoring.experts import Expert
from rapport.scoring.experts.rhythm import Rhythm
from rapport.scoring.experts.trees import Trees
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.fitting.card import fit_card
from rapport.training.fitting.linear import fit_hazard, fit_linear
from rapport.training.fitting.trees import MANY, NEWEST, Shape, fit_trees, threads
from rapport.training.level import shift_to, steady
from rapport.training.rows import Rows
from rapport.training.slices import Slices

HALF_LIFE_DAYS = 365.0


@dataclass(frozen=True)
class Making:
    """What parts are made of besides rows: the rhythm at each cutoff, the card, the shapes of the trees.

    ``since`` tells for some moments how far the weeks before them lay off what the rhythm expected.
    ``searched`` tells of a search for the shape: its tries, and the loss on later slices at the start and of the best.
    """

    rhythms: Mapping[datetime, Rhythm]
    card: Card | None
    since: Mapping[datetime, float] = field(default_factory=dict)
    newest: Shape = NEWEST
    many: Shape = MANY
    learnt: bool = True
    by_contract: bool = False
    searched: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Committee:
    """Experts fitted on the same slices; ``plain`` is the one that the level of each slice is told against."""

    experts: tuple[Expert, ...]
    plain: Expert
    shifts: Mapping[datetime, float]

    def said(self, rows: Matrix) -> dict[str, Floats]:
        """Return each expert's log-odds."""
        return {expert.name: logits_of(expert, rows) for expert in self.experts}


@dataclass(frozen=True)
class Ground:
    """What the parts of many slices are fitted on: rows, their weights, and each slice's own level set aside."""

    rows: Rows
    weight: Floats
    offset: Floats
    plain: Expert
    shifts: dict[datetime, float]

    @property
    def base(self) -> float:
        """Return the log-odds of the outcome's rate."""
        return float(np.log(self.rows.label.mean() / (1 - self.rows.label.mean())))

    def fit_many(self, shape: Shape) -> Trees | None:
        """Fit the trees of many slices."""
        return fit_trees("many", self.rows, shape, offset=self.offset + self.base, weight=self.weight)


def ground_of(rows: Rows, plan: Slices, making: Making, *, moment: datetime) -> Ground:
    """Lay out the slices of ``plan`` for parts that are to be used at ``moment``."""
    spread = rows.at(plan.spread)
    age = np.array([(plan.every[0] - cutoff).total_seconds() / 86400 for cutoff in rows.cutoffs])
    weight = np.asarray(0.5 ** (age[spread.moment] / HALF_LIFE_DAYS))
    plain = making.rhythms.get(moment) or fit_linear(spread, offset=np.zeros(len(spread)), weight=weight, name="plain")
    shifts = _shifts(rows, plan, making.rhythms, plain)
    return Ground(spread, weight, spread.by_moment(shifts), plain, shifts)


def fit_committee(rows: Rows, plan: Slices, making: Making, *, moment: datetime) -> Committee:
    """Fit every part on the slices of ``plan``, to be used at ``moment``."""
    ground = ground_of(rows, plan, making, moment=moment)
    spread, weight, offset = ground.rows, ground.weight, ground.offset
    parts: list[Expert | None] = [
        making.rhythms.get(moment),
        fit_hazard(spread, offset=offset, weight=weight) if making.by_contract else None,
        fit_card(making.card, spread, offset=offset, weight=weight) if making.card else None,
    ]
    if making.learnt:
        newest = rows.at(plan.newest)
        level = newest.by_moment(ground.shifts) + ground.base
        parts = [
            fit_trees("newest", newest, making.newest, offset=level, weight=np.ones(len(newest))),
            ground.fit_many(making.many),
            fit_linear(spread, offset=offset, weight=weight),
            *parts,
        ]
    experts = tuple(part for part in parts if part is not None)
    return Committee(experts or (ground.plain,), ground.plain, ground.shifts)


def logits_of(expert: Expert, rows: Matrix) -> Floats:
    """Return an expert's log-odds; of trees without the reasons, which cost a hundred times more."""
    if not isinstance(expert, Trees):
        return expert.read(rows).logit()
    given = np.ascontiguousarray(rows.values[:, [rows.place[name] for name in expert.features]])
    said = [booster.predict(given, raw_score=True, num_threads=threads(len(rows))) for booster in expert.loaded]
    return np.asarray(np.mean(said, axis=0))


def _shifts(rows: Rows, plan: Slices, rhythms: Mapping[datetime, Rhythm], plain: Expert) -> dict[datetime, float]:
    """Return how far each slice's outcome lay above what the plain model expected, in log-odds."""
    shifts = {}
    for cutoff in plan.every:
        part = rows.at([cutoff])
        if len(part):
            rate = float(part.label.mean())
            said = logits_of(rhythms.get(cutoff, plain), part.matrix)
            shifts[cutoff] = steady(shift_to(said, rate), len(part), rate)
    return shifts

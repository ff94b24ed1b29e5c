"""Shapes of time: how the event's hazard is spread, before the curve is put through the served probability.

A shape gives cumulative hazards: Λ(t), where exp(-Λ(t)) is the chance that the event has not come t days after the
cutoff. Its level does not matter: ``EventTiming`` shifts every curve to the probability at the horizon.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rapport.scoring.models.lightgbm_loader import load_booster
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import SINCE_FIRST, SINCE_LAST, BgNbdMember

if TYPE_CHECKING:
    from lightgbm import Booster

TREES, BG_NBD, CONSTANT, CONTRACT_END = "trees", "bg_nbd", "constant", "contract_end"
INTERVAL = "time_interval"
"""The last feature of the trees: the index of the interval between two edges."""
CONTRACT_DAYS = "contract_days_to_end"


class HazardShape(Protocol):
    """Cumulative hazards of rows at some days."""

    def cumulative(self, rows: Matrix, days: Sequence[float]) -> Floats:
        """Return rows × days; 0 at day 0, never falling."""


@dataclass(frozen=True)
class ConstantHazard:
    """The same hazard on every day."""

    def cumulative(self, rows: Matrix, days: Sequence[float]) -> Floats:
        """Return the cumulative hazards."""
        return np.tile(np.asarray(days, dtype=np.float64) / 365.0, (len(rows), 1))


@dataclass(frozen=True)
class BgNbdHazard:
    """The hazard of a member's BG/NBD: falling, because who stays silent has more and more probably left."""

    member: BgNbdMember

    def cumulative(self, rows: Matrix, days: Sequence[float]) -> Floats:
        """Return the cumulative hazards; customers without orders have a constant one."""
        member = self.member
        values = np.stack([rows.column(name) for name in (member.orders, SINCE_LAST, SINCE_FIRST)])
        known = ~np.isnan(values).any(axis=0)
        found = ConstantHazard().cumulative(rows, days)
        for position, day in enumerate(days):
            if day > 0:
                silent = replace(member, horizon_days=float(day)).logit(*np.where(known, values, 1.0))
                found[known, position] = np.logaddexp(0.0, -silent)[known]
        return found


@dataclass(frozen=True)
class TreeHazard:
    """Piecewise constant hazards: one a day for each interval of ``edges``, times the exponential of the trees.

    After the last edge the hazard of the last interval goes on.
    """

    edges: tuple[float, ...]
    rates: tuple[float, ...]
    booster: str

    def cumulative(self, rows: Matrix, days: Sequence[float]) -> Floats:
        """Return the cumulative hazards."""
        by_interval = self.hazards(rows)
        widths = np.diff(self.edges)
        at_edges = np.column_stack([np.zeros(len(rows)), np.cumsum(by_interval * widths, axis=1)])
        found = np.empty((len(rows), len(days)))
        for position, day in enumerate(days):
            at = min(int(np.searchsorted(self.edges, day, side="right")) - 1, len(widths) - 1)
            found[:, position] = at_edges[:, at] + by_interval[:, at] * (day - self.edges[at])
        return found

    def hazards(self, rows: Matrix) -> Floats:
        """Return the hazard a day of each row in each interval."""
        count = len(self.rates)
        if not len(rows):
            return np.zeros((0, count))
        names = self._loaded.feature_name()[:-1]
        values = rows.values[:, [rows.positions[name] for name in names]]
        inputs = np.column_stack([np.repeat(values, count, axis=0), np.tile(np.arange(count), len(rows))])
        raw = self._loaded.predict(np.ascontiguousarray(inputs), raw_score=True, num_threads=1)
        return np.asarray(np.exp(np.asarray(raw).reshape(len(rows), count)) * np.asarray(self.rates))

    @cached_property
    def _loaded(self) -> "Booster":
        return load_booster(self.booster, "timing")


@dataclass(frozen=True)
class ContractEndHazard:
    """All of the hazard on the day on which the contract ends, which is within the horizon for all who are scored."""

    horizon_days: float

    def cumulative(self, rows: Matrix, days: Sequence[float]) -> Floats:
        """Return nothing until the contract ends, 1 from then on."""
        return np.where(np.asarray(days)[None, :] > self.days_left(rows)[:, None], 1.0, 0.0)

    def days_left(self, rows: Matrix) -> Floats:
        """Return the days until the end of each contract."""
        return np.clip(np.nan_to_num(rows.column(CONTRACT_DAYS), nan=0.0), 0.0, self.horizon_days - 1.0)

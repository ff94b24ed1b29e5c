"""The outlook: how likely a customer has each grade at the horizon, and what its churn probability is after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.blend import logit_of
from rapport.scoring.models.evaluation_record import ObservedGrade, OutlookRecord

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

PRIOR_CUSTOMERS = 5.0
"""The moves of a grade are shrunk to those of all customers by this many customers."""


@dataclass(frozen=True)
class GradeOutlook:
    """How the grades of customers who stayed moved within a horizon in the past.

    Parameters
    ----------
    grades : best first, without the grade of lapsed customers.
    moves : from grade (row) to grade (column), each row a share that sums to 1.
    judged : on a later horizon: each grade's predicted and observed share; empty if the history is too short.
    carry : the log-odds of churn of who stayed, one horizon on: first + second × the log-odds before.
    survival : share of customers still there after two horizons: predicted at a constant probability, predicted with
        ``carry`` fitted before, observed; empty if the history is too short.
    """

    grades: tuple[str, ...]
    moves: tuple[tuple[float, ...], ...]
    customers: int
    judged: tuple[ObservedGrade, ...] = ()
    carry: tuple[float, float] = (0.0, 1.0)
    survival: Mapping[str, float] = field(default_factory=dict)

    def shares(self, grade: Codes, probability: Floats) -> Floats:
        """Return the chance of each grade and of *lost* (last) at the horizon, row by row.

        *Lost* is the churn probability; the other grades share the rest.
        """
        kept = np.asarray(self.moves)[grade] * (1.0 - probability)[:, None]
        return np.column_stack([kept, probability])

    def of_customer(self, grade: str, lost: str, probability: float) -> dict[str, float] | None:
        """Return one customer's chances by grade; None for a grade that the moves do not have."""
        if grade not in self.grades:
            return None
        code = np.array([self.grades.index(grade)], dtype=np.int8)
        chances = self.shares(code, np.array([probability]))[0].tolist()
        return dict(zip((*self.grades, lost), chances, strict=True))

    def as_dict(self) -> OutlookRecord:
        """Return the outlook as plain values."""
        gaps = [abs(each["predicted"] - each["observed"]) for each in self.judged]
        return {
            "grades": list(self.grades),
            "moves": [list(row) for row in self.moves],
            "customers": self.customers,
            "judged": [*self.judged],
            "largest_gap": max(gaps) if gaps else None,
            "carry": list(self.carry),
            "survival": dict(self.survival),
        }

    @classmethod
    def from_dict(cls, stored: OutlookRecord) -> GradeOutlook:
        """Load what ``as_dict`` returned."""
        moves = tuple(tuple(row) for row in stored["moves"])
        first, second = stored.get("carry", (0.0, 1.0))
        judged, survival = tuple(stored["judged"]), stored.get("survival", {})
        return cls(tuple(stored["grades"]), moves, stored["customers"], judged, (first, second), survival)


def fit_moves(before: Codes, after: Codes, count: int) -> tuple[tuple[float, ...], ...]:
    """Return the shares of moves between ``count`` grades, shrunk to the distribution of all."""
    counts = np.zeros((count, count))
    np.add.at(counts, (before, after), 1.0)
    overall = (counts.sum(axis=0) + 1.0) / (counts.sum() + count)
    shrunk = counts + PRIOR_CUSTOMERS * overall
    return tuple(tuple(row) for row in (shrunk / shrunk.sum(axis=1, keepdims=True)).tolist())


def fit_carry(before: Floats, after: Floats) -> tuple[float, float]:
    """Return the line from the log-odds of who stayed to its log-odds one horizon later; never a falling one."""
    x, y = logit_of(before), logit_of(after)
    spread = float(((x - x.mean()) ** 2).sum())
    second = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread else 0.0
    second = min(max(second, 0.0), 1.0)
    return float(y.mean() - second * x.mean()), second


def evaluate_outlook(predicted: Floats, observed: Codes, names: Sequence[str]) -> tuple[ObservedGrade, ...]:
    """Return the mean predicted chance and the observed share of each grade."""
    return tuple(
        {
            "grade": name,
            "predicted": float(predicted[:, column].mean()),
            "observed": float((observed == column).mean()),
            "customers": len(observed),
        }
        for column, name in enumerate(names)
    )

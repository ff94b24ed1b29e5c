"""The outlook of a grade: how likely a customer has each grade at the horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
    """

    grades: tuple[str, ...]
    moves: tuple[tuple[float, ...], ...]
    customers: int
    judged: tuple[Mapping[str, Any], ...] = ()

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

    def as_dict(self) -> dict[str, Any]:
        """Return the outlook as plain values."""
        gaps = [abs(each["predicted"] - each["observed"]) for each in self.judged]
        return {
            "grades": list(self.grades),
            "moves": [list(row) for row in self.moves],
            "customers": self.customers,
            "judged": [dict(each) for each in self.judged],
            "largest_gap": max(gaps) if gaps else None,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GradeOutlook:
        """Load what ``as_dict`` returned."""
        moves = tuple(tuple(row) for row in stored["moves"])
        return cls(tuple(stored["grades"]), moves, stored["customers"], tuple(stored["judged"]))


def fit_moves(before: Codes, after: Codes, count: int) -> tuple[tuple[float, ...], ...]:
    """Return the shares of moves between ``count`` grades, shrunk to the distribution of all."""
    counts = np.zeros((count, count))
    np.add.at(counts, (before, after), 1.0)
    overall = (counts.sum(axis=0) + 1.0) / (counts.sum() + count)
    shrunk = counts + PRIOR_CUSTOMERS * overall
    return tuple(tuple(row) for row in (shrunk / shrunk.sum(axis=1, keepdims=True)).tolist())


def evaluate_outlook(predicted: Floats, observed: Codes, names: Sequence[str]) -> tuple[Mapping[str, object], ...]:
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

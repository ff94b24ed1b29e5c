"""Reductions: how integers merge over groups of rows and over windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rapport.features.engine.arrays.column import Column
from rapport.features.engine.arrays.rows import Groups
from rapport.features.measures import PartialAggregate

INT64_MIN, INT64_MAX = np.int64(np.iinfo(np.int64).min), np.int64(np.iinfo(np.int64).max)
"""The maximum and the minimum of no rows: no number of a history is that large."""


@dataclass(frozen=True)
class MergeRule:
    """How partial aggregates merge: the ufunc, and the value of no rows."""

    ufunc: np.ufunc
    empty: np.int64

    @property
    def is_sum(self) -> bool:
        """Return whether partial aggregates are added."""
        return self.ufunc is np.add


_SUM = MergeRule(np.add, np.int64(0))
_MIN, _MAX = MergeRule(np.minimum, INT64_MAX), MergeRule(np.maximum, INT64_MIN)
_EXTREMES = {"min": _MIN, "max": _MAX, "latest": _MAX}


def merge_rule(partial: PartialAggregate) -> MergeRule:
    """Return how partial aggregates of this kind merge."""
    return _EXTREMES.get(partial.how, _SUM)


def _reduction(rule: MergeRule) -> Callable[[Groups, Column], Column]:
    def apply(groups: Groups, column: Column) -> Column:
        values, missing = column
        if missing is None:
            return groups.merged(rule.ufunc, values), None
        all_null = missing if groups.are_single else np.logical_and.reduceat(groups.sorted(missing), groups.starts)
        return groups.merged(rule.ufunc, np.where(missing, rule.empty, values)), all_null

    return apply


def _count(groups: Groups) -> Column:
    return np.diff(groups.starts, append=groups.count), None


REDUCTIONS: dict[str, Callable[..., Column]] = {
    "Sum": _reduction(_SUM),
    "Max": _reduction(_MAX),
    "Min": _reduction(_MIN),
    "CountStar": _count,
}
"""The aggregate functions by the name of their Ibis node; each reduces a column of integers over groups of rows."""

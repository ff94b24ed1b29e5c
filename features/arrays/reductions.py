"""Reductions: how integers merge over groups of rows and over windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rapport.features.arrays.column import Column
from rapport.features.arrays.rows import Groups
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


total, smallest, largest = _reduction(_SUM), _reduction(_MIN), _reduction(_MAX)
"""Reduce a column of integers over groups of rows; null for a group without values."""


def group_sizes(groups: Groups) -> Column:
    """Return the number of rows of each group."""
    return np.diff(groups.starts, append=groups.count), None

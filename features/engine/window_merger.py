"""Partial aggregates merged over windows before one cutoff: all aggregates of a stream at once, one row each.

For one cutoff and few rows; ``windows`` does the same for many cutoffs, and a law test holds both to the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Column
from rapport.features.arrays.reductions import INT64_MAX, INT64_MIN, merge_rule
from rapport.features.arrays.rows import broadcast
from rapport.features.measures import FIXED_POINT_SCALE, LATEST_OFFSET, LATEST_SHIFT, WindowAggregate
from rapport.features.streams import is_fixed_point

Integers = npt.NDArray[np.int64]
MergedAggregates = tuple[Integers, Integers]
"""Customers, and a matrix with a row for each window aggregate and a column for each of these customers."""

# Longer than any window (days).
_ALL_PAST = 1 << 40


def empty_value(aggregate: WindowAggregate) -> np.int64:
    """Return the value of the aggregate over no rows; 0 for a sum."""
    return merge_rule(aggregate.partial).empty


class WindowMerger:
    """Merge the partial aggregates of one stream into its window aggregates."""

    def __init__(self, aggregates: Sequence[WindowAggregate]) -> None:
        # Aggregates that merge by the same function are adjacent.
        self.aggregates = tuple(sorted(aggregates, key=empty_value))
        self.partials = tuple(dict.fromkeys(each.partial for each in aggregates))
        windows = list(dict.fromkeys((each.days, each.skip) for each in aggregates))
        self._partial_of = np.array([self.partials.index(each.partial) for each in self.aggregates])
        self._window_of = np.array([windows.index((each.days, each.skip)) for each in self.aggregates])
        self._days = np.array([[_ALL_PAST if days is None else days] for days, _ in windows])
        self._skips = np.array([[skip] for _, skip in windows])
        self._empty = np.array([[empty_value(each)] for each in self.aggregates])
        rules = ((np.maximum, INT64_MIN), (np.add, np.int64(0)), (np.minimum, INT64_MAX))
        blocks = [(ufunc, np.flatnonzero(self._empty == empty)) for ufunc, empty in rules]
        self._merges = [(ufunc, slice(rows[0], rows[-1] + 1)) for ufunc, rows in blocks if len(rows)]

    def before(self, cutoff: int, customers: Column, days: Column, partials: Sequence[Column]) -> MergedAggregates:
        """Merge the rows before the cutoff; this comparison alone separates past from future."""
        day, missing = days
        rows = np.flatnonzero(day < cutoff if missing is None else (day < cutoff) & ~missing)
        rows = rows[np.argsort(customers[0][rows], kind="stable")]
        sorted_customers = customers[0][rows]
        starts = np.flatnonzero(np.diff(sorted_customers, prepend=-1))
        merged = np.empty((len(self.aggregates), len(starts)), np.int64)
        if len(starts):
            cells = self._cells(cutoff - day[rows], rows, len(day), partials)
            for ufunc, block in self._merges:
                ufunc.reduceat(cells[block], starts, axis=1, out=merged[block])
        return sorted_customers[starts], merged

    def _cells(self, ages: Any, rows: Any, length: int, partials: Sequence[Column]) -> Integers:
        """Return each aggregate's value of each row of the stream; the empty value outside its window."""
        inside = ((ages <= self._days) & (ages > self._skips))[self._window_of]
        values, known = np.empty((len(partials), len(rows)), np.int64), None
        for index, column in enumerate(partials):
            number, missing = broadcast(column, length) if column[0].ndim == 0 else column
            values[index] = number[rows]
            if missing is not None:
                known = np.ones(values.shape, bool) if known is None else known
                known[index] = ~missing[rows]
        if known is not None:
            inside &= known[self._partial_of]
        return np.where(inside, values[self._partial_of], self._empty)


class GatheredAggregates:
    """The window aggregates of all streams as the columns that the finish reads."""

    def __init__(self, mergers: Sequence[WindowMerger]) -> None:
        aggregates = [each for merger in mergers for each in merger.aggregates]
        ends = np.cumsum([0] + [len(merger.aggregates) for merger in mergers]).tolist()
        self._rows_of_stream = [slice(first, end) for first, end in pairwise(ends)]
        self._names = [each.column for each in aggregates]
        self._empty = np.array([[empty_value(each)] for each in aggregates])
        self._latest = np.flatnonzero([each.partial.how == "latest" for each in aggregates])
        self._fixed_point = np.flatnonzero([is_fixed_point(each.partial) for each in aggregates])

    def columns(self, merged: dict[int, MergedAggregates], customers: Integers) -> dict[str, Column]:
        """Return the aggregates of these customers; ``merged`` holds those of each stream (by its index) with rows."""
        cells = np.repeat(self._empty, len(customers), axis=1)
        for stream, (own, numbers) in merged.items():
            cells[self._rows_of_stream[stream], np.searchsorted(customers, own)] = numbers
        missing = (cells == self._empty) & (self._empty != 0)
        cells[self._latest] = (cells[self._latest] & (LATEST_SHIFT - 1)) - LATEST_OFFSET
        values = cells.astype(np.float64)
        values[self._fixed_point] /= float(FIXED_POINT_SCALE)
        some = missing.any(axis=1).tolist()
        return {name: (values[row], missing[row] if some[row] else None) for row, name in enumerate(self._names)}

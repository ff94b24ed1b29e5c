"""Partials merged over windows, on arrays: all leaves of a stream at once, a row of numbers each.

For one cutoff and a few rows; ``windows`` does the same for many, and a law holds both to the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.rows import spread
from rapport.features.arrays.values import LEAST, MOST, Column, merge_of
from rapport.features.measures import LATEST_SHIFT, TICKS, Leaf
from rapport.features.plan import MIDDLE
from rapport.features.streams import STREAM

Numbers = npt.NDArray[np.int64]
Merged = tuple[Numbers, Numbers]
"""Customers, and a row of numbers for each leaf with a column for each of these customers."""

# No window is as long as this (days).
_EVER = 1 << 40


def extreme(leaf: Leaf) -> np.int64:
    """Return what the leaf is of no rows: of a sum 0."""
    return merge_of(leaf.partial).nothing


class Merge:
    """How the partials of one stream merge into its leaves."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        # Those that merge in the same way lie together.
        self.leaves = tuple(sorted(leaves, key=extreme))
        self.partials = tuple(dict.fromkeys(leaf.partial for leaf in leaves))
        windows = list(dict.fromkeys((leaf.days, leaf.skip) for leaf in leaves))
        self._partial_of = np.array([self.partials.index(leaf.partial) for leaf in self.leaves])
        self._window_of = np.array([windows.index((leaf.days, leaf.skip)) for leaf in self.leaves])
        self._days = np.array([[_EVER if days is None else days] for days, _ in windows])
        self._skips = np.array([[skip] for _, skip in windows])
        self._empty = np.array([[extreme(leaf)] for leaf in self.leaves])
        kinds = ((np.maximum, LEAST), (np.add, np.int64(0)), (np.minimum, MOST))
        found = [(merge, np.flatnonzero(self._empty == empty)) for merge, empty in kinds]
        self._merges = [(merge, slice(rows[0], rows[-1] + 1)) for merge, rows in found if len(rows)]

    def before(self, cutoff: int, customers: Column, days: Column, partials: Sequence[Column]) -> Merged:
        """Merge what happened before the cutoff: the only place where past and future part."""
        day, unknown = days
        rows = np.flatnonzero(day < cutoff if unknown is None else (day < cutoff) & ~unknown)
        rows = rows[np.argsort(customers[0][rows], kind="stable")]
        people = customers[0][rows]
        starts = np.flatnonzero(np.diff(people, prepend=-1))
        merged = np.empty((len(self.leaves), len(starts)), np.int64)
        if len(starts):
            cells = self._cells(cutoff - day[rows], rows, len(day), partials)
            for merge, kind in self._merges:
                merge.reduceat(cells[kind], starts, axis=1, out=merged[kind])
        return people[starts], merged

    def _cells(self, ages: Any, rows: Any, length: int, partials: Sequence[Column]) -> Numbers:
        """Return each leaf's numbers to be merged, row by row of the stream; outside its window nothing."""
        chosen = ((ages <= self._days) & (ages > self._skips))[self._window_of]
        values, known = np.empty((len(partials), len(rows)), np.int64), None
        for place, column in enumerate(partials):
            number, missing = spread(column, length) if column[0].ndim == 0 else column
            values[place] = number[rows]
            if missing is not None:
                known = np.ones(values.shape, bool) if known is None else known
                known[place] = ~missing[rows]
        if known is not None:
            chosen &= known[self._partial_of]
        return np.where(chosen, values[self._partial_of], self._empty)


class Gathered:
    """The leaves of all streams side by side, as the columns that the finish reads."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        leaves = [leaf for merge in merges for leaf in merge.leaves]
        ends = np.cumsum([0] + [len(merge.leaves) for merge in merges]).tolist()
        self._spans = [slice(first, end) for first, end in pairwise(ends)]
        self._names = [leaf.column for leaf in leaves]
        self._empty = np.array([[extreme(leaf)] for leaf in leaves])
        self._latest = np.flatnonzero([leaf.partial.how == "latest" for leaf in leaves])
        self._ticks = np.flatnonzero([_in_ticks(leaf) for leaf in leaves])

    def columns(self, merged: dict[int, Merged], people: Numbers) -> dict[str, Column]:
        """Return the leaves of these people, from the streams that have rows by their place."""
        cells = np.repeat(self._empty, len(people), axis=1)
        for place, (customers, numbers) in merged.items():
            cells[self._spans[place], np.searchsorted(people, customers)] = numbers
        missing = (cells == self._empty) & (self._empty != 0)
        cells[self._latest] = (cells[self._latest] & (LATEST_SHIFT - 1)) - MIDDLE
        values = cells.astype(np.float64)
        values[self._ticks] /= float(TICKS)
        some = missing.any(axis=1).tolist()
        return {
            name: (values[place], missing[place] if some[place] else None) for place, name in enumerate(self._names)
        }


def _in_ticks(leaf: Leaf) -> bool:
    return leaf.partial.column in STREAM[leaf.partial.stream].ticks and leaf.partial.how not in ("known", "squares")

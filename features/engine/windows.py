"""Windows as spans of segments: the edges of all windows before all cutoffs cut time into segments of whole days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import RowIndices
from rapport.features.measures import WindowAggregate

_MANY_ROWS = 10_000


@dataclass(frozen=True)
class Cutoff:
    """A cutoff as a day number, and the first day of its active window."""

    day: int
    active_from: int


class Windows:
    """The segments ``[begin, end)`` of window aggregates before cutoffs: a row per aggregate, a column per cutoff.

    Segment 0 is before all edges, segment n from the n-th edge on; the last one is after all cutoffs. ``cutoffs`` are
    days since the first of them.
    """

    def __init__(self, aggregates: Sequence[WindowAggregate], cutoffs: Sequence[int]) -> None:
        days = np.array(cutoffs)
        distances = {0}.union(*((each.days or 0, each.skip) for each in aggregates))
        self.edges = np.unique(np.concatenate([days - distance for distance in distances]))
        self.segments = len(self.edges) + 1
        self.known = self._before(days)
        self.ends = np.array([self._before(days - each.skip) for each in aggregates])
        self.begins = np.array(
            [0 * days if each.days is None else self._before(days - each.days) for each in aggregates]
        )

    def _before(self, edges: npt.NDArray[np.int64]) -> RowIndices:
        """Return the number of segments before each of these edges."""
        return self.edges.searchsorted(edges) + 1

    def segment(self, day: npt.NDArray[np.int64]) -> RowIndices:
        """Return the segment of each day."""
        if len(day) < _MANY_ROWS:
            return self.edges.searchsorted(day, side="right")
        # Many rows share few days: each day is looked up once.
        first, last = int(day.min()), int(day.max())
        return self.edges.searchsorted(np.arange(first, last + 1), side="right")[day - first]


class WindowsByCutoffs:
    """The windows of one stream for any cutoffs; those of the newest sets of cutoffs are kept."""

    MOST = 64

    def __init__(self, aggregates: Sequence[WindowAggregate]) -> None:
        self._aggregates = tuple(aggregates)
        self._kept: dict[tuple[int, ...], Windows] = {}

    def of(self, cutoffs: Iterable[int]) -> Windows:
        """Return the windows before cutoffs, which are days since the first of them; one cutoff is always ``[0]``."""
        key = tuple(cutoffs)
        if key not in self._kept:
            if len(self._kept) >= self.MOST:
                self._kept.clear()
            self._kept[key] = Windows(self._aggregates, key)
        return self._kept[key]

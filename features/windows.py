"""Windows: the rows of a stream merged over each window before each cutoff, for many cutoffs at once.

The edges of all windows cut time into segments, and a row lies in one of them. Partials are laid out as a matrix
(segment by customer) and added up along time; then a window is the difference of two rows, and what one more cutoff
costs does not depend on how much lies before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.rows import Groups, Places, picked
from rapport.features.arrays.values import Column, Joined, merge_of
from rapport.features.measures import LATEST_SHIFT, TICKS, Leaf, Partial
from rapport.features.plan import MIDDLE, StreamPlan
from rapport.features.streams import STREAM

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cutoff:
    """A cutoff in days: where the past ends, and where the active window begins."""

    day: int
    active_from: int


@dataclass(frozen=True)
class Rows:
    """The rows of one stream and some customers, with their partials.

    Customers are numbered from 0; those seen differently at each cutoff have further numbers (see ``late``).
    """

    customer: Places
    day: Column
    partials: Mapping[Partial, Column]


def edges_of(stream: StreamPlan, cutoffs: Sequence[int]) -> list[int]:
    """Return every day on which a window of the stream begins or ends, in order."""
    return sorted({day - edge for day in cutoffs for edge in stream.edges})


class Merged:
    """What the streams say of some customers at every cutoff: who is known, and the value of every leaf."""

    def __init__(self, customers: int, cutoffs: Sequence[Cutoff]) -> None:
        self.cutoffs = tuple(cutoffs)
        self.known: Flags = np.zeros((len(cutoffs), customers), bool)
        self.leaves: dict[str, Column] = {}

    def add(self, stream: StreamPlan, rows: Rows) -> None:
        """Merge the rows of a stream: the only place where past and future part."""
        groups = [self._group(stream, cutoffs, rows, places) for cutoffs, places in self._seen(rows)]
        for group in groups:
            self.known[group.where] |= group.windows.known(group.days)
        for partial in dict.fromkeys(leaf.partial for leaf in stream.leaves):
            merge, leaves = merge_of(partial), [leaf for leaf in stream.leaves if leaf.partial == partial]
            found = [np.full(self.known.shape, merge.nothing) for _ in leaves]
            for group in groups:
                laid = group.windows.laid(merge, picked(rows.partials[partial], group.places))
                for leaf, values in zip(leaves, found, strict=True):
                    values[group.where] = laid.over(leaf, group.days)
            self.leaves |= {leaf.column: told(leaf, values) for leaf, values in zip(leaves, found, strict=True)}

    def add_nothing(self, stream: StreamPlan) -> None:
        """Say what a stream without rows says."""
        for leaf in stream.leaves:
            value, missing = told(leaf, np.array(merge_of(leaf.partial).nothing))
            shape = self.known.shape
            self.leaves[leaf.column] = (
                np.broadcast_to(value, shape),
                None if missing is None else np.broadcast_to(missing, shape),
            )

    def _seen(self, rows: Rows) -> Iterator[tuple[list[int], Places | None]]:
        """Yield which cutoffs see which rows: all the same ones, but for customers of whom rows came late."""
        day, unknown = rows.day
        past = day < max(cutoff.day for cutoff in self.cutoffs)
        if unknown is not None:
            past &= ~unknown
        turn = rows.customer // self.known.shape[1]
        every = list(range(len(self.cutoffs)))
        if not turn.any():
            yield every, None if past.all() else np.flatnonzero(past)
            return
        yield every, np.flatnonzero(past & (turn == 0))
        for place in every:
            yield [place], np.flatnonzero(past & (turn == place + 1))

    def _group(self, stream: StreamPlan, cutoffs: list[int], rows: Rows, places: Places | None) -> _Group:
        days = [self.cutoffs[place].day for place in cutoffs]
        customer = rows.customer if places is None else rows.customer[places]
        customer = customer % self.known.shape[1]
        count = np.bincount(customer, minlength=self.known.shape[1])
        present, among = np.flatnonzero(count), np.cumsum(count > 0) - 1
        (day, _) = picked(rows.day, places)
        windows = _Windows(edges_of(stream, days), day, among[customer], len(present))
        return _Group(np.ix_(np.array(cutoffs), present), days, windows, places)


@dataclass(frozen=True)
class _Group:
    """Rows that some cutoffs see: ``where`` are those cutoffs and the customers who have any."""

    where: tuple[npt.NDArray[np.intp], ...]
    days: Sequence[int]
    windows: _Windows
    places: Places | None


class _Windows:
    """Where rows lie among the edges: segment 0 before all of them, segment n behind the n-th."""

    def __init__(self, edges: Sequence[int], day: npt.NDArray[np.int32], customer: Places, customers: int) -> None:
        self.place = {edge: place for place, edge in enumerate(edges)}
        self.shape = (len(edges) + 1, customers)
        segment = _segments(edges, day)
        # Rows of a customer in a segment are a group; most streams come in that order.
        self.groups = Groups.of([(customer, None), (segment, None)])
        firsts = self.groups.firsts()
        # One index is found faster than two.
        cells = segment * customers + customer
        self.cells = cells if firsts is None else cells[firsts]

    def known(self, days: Sequence[int]) -> Flags:
        """Return who has a row before each of these days."""
        seen = self._laid(np.zeros(self.shape, bool), np.array(True))
        np.logical_or.accumulate(seen, axis=0, out=seen)
        return seen[[self.place[day] for day in days]]

    def laid(self, merge: Joined, column: Column) -> _Laid:
        """Lay partials out by segment and customer."""
        values, missing = column
        if missing is not None:
            values = np.where(missing, merge.nothing, values)
        merged = self.groups.merged(merge.join, values) if values.ndim else self._alike(merge, values)
        if merge.is_sum:
            cells = self._laid(np.zeros(self.shape, np.int64), merged)
            return _Laid(self.place, merge, np.add.accumulate(cells, axis=0, out=cells))
        return _Laid(self.place, merge, self._laid(np.full(self.shape, merge.nothing), merged))

    def _laid(self, cells: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        cells.reshape(-1)[self.cells] = values
        return cells

    def _alike(self, merge: Joined, value: Whole) -> Whole:
        """Merge a value that is the same in all rows."""
        return np.diff(self.groups.starts, append=self.groups.count) * value if merge.is_sum else value


def _segments(edges: Sequence[int], day: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    if not len(day):
        return np.zeros(0, np.intp)
    first, last = int(day.min()), int(day.max())
    return np.searchsorted(edges, np.arange(first, last + 1), side="right")[day - first]


@dataclass(frozen=True)
class _Laid:
    """One partial by segment and customer; sums already added up along time."""

    place: Mapping[int, int]
    merge: Joined
    cells: Whole

    def over(self, leaf: Leaf, days: Sequence[int]) -> Whole:
        """Return a leaf at some cutoffs: a row a cutoff, a column a customer."""
        ends = [self.place[day - leaf.skip] for day in days]
        if self.merge.is_sum and leaf.days is None:
            return self.cells[ends]
        if leaf.days is None:
            return self._ever(ends)
        begins = [self.place[day - leaf.days] for day in days]
        if self.merge.is_sum:
            return self.cells[ends] - self.cells[begins]
        spans = zip(begins, ends, strict=True)
        return np.stack([self.merge.join.reduce(self.cells[begin + 1 : end + 1], axis=0) for begin, end in spans])

    def _ever(self, ends: Sequence[int]) -> Whole:
        """Merge all the past before each end, from one end to the next."""
        found = np.empty((len(ends), self.cells.shape[1]), np.int64)
        begin, so_far = 0, np.full(self.cells.shape[1], self.merge.nothing)
        for place in np.argsort(ends):
            end = ends[place] + 1
            so_far = self.merge.join(
                so_far, self.merge.join.reduce(self.cells[begin:end], 0, initial=self.merge.nothing)
            )
            found[place], begin = so_far, end
        return found


def told(leaf: Leaf, values: Whole) -> Column:
    """Return a leaf as a number with nulls: 0 for counts and sums of nothing, else null."""
    merge, partial = merge_of(leaf.partial), leaf.partial
    missing = None if merge.is_sum else values == merge.nothing
    if partial.how == "latest":
        values = (values & (LATEST_SHIFT - 1)) - MIDDLE
    numbers = values.astype(np.float64)
    in_ticks = partial.column in STREAM[partial.stream].ticks and partial.how not in ("known", "squares")
    return numbers / TICKS if in_ticks else numbers, missing

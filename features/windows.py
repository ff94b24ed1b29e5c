"""Windows: the buckets of a stream merged over each window before each cutoff, for many cutoffs at once.

The edges of all windows cut time into segments, and a bucket lies in one of them. Partials are laid out as a matrix
(segment by customer) and added up along time; then a window is the difference of two rows, and what one more cutoff
costs does not depend on how much lies before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.arrays.values import Column
from features.measures import LATEST_SHIFT, TICKS, Leaf, Partial
from features.plan import LEAST, MIDDLE, MOST, StreamPlan
from features.sources import KEPT
from features.streams import STREAM

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cutoff:
    """A cutoff in days: where the past ends, where the active window begins, and its branch of late rows."""

    day: int
    active_from: int
    branch: int = KEPT


@dataclass(frozen=True)
class Buckets:
    """The buckets of one stream and some customers, who are numbered from 0.

    ``day`` is the first day of a bucket; ``partials`` are its columns, already with what stands for nothing.
    """

    customer: npt.NDArray[np.intp]
    branch: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    partials: Mapping[str, Whole]

    def take(self, rows: Flags) -> Buckets:
        """Keep some of the buckets."""
        partials = {name: values[rows] for name, values in self.partials.items()}
        return Buckets(self.customer[rows], self.branch[rows], self.day[rows], partials)


def edges_of(stream: StreamPlan, cutoffs: Sequence[int]) -> list[int]:
    """Return every day on which a window of the stream begins or ends, in order."""
    return sorted({day - edge for day in cutoffs for edge in stream.edges})


class Merged:
    """What the streams say of some customers at every cutoff: who is known, and the value of every leaf."""

    def __init__(self, customers: int, cutoffs: Sequence[Cutoff]) -> None:
        self.cutoffs = tuple(cutoffs)
        self.known: Flags = np.zeros((len(cutoffs), customers), bool)
        self.leaves: dict[str, Column] = {}

    def add(self, stream: StreamPlan, buckets: Buckets) -> None:
        """Merge the buckets of a stream: the only place where past and future part."""
        edges = edges_of(stream, [cutoff.day for cutoff in self.cutoffs])
        groups = [self._group(edges, places, seen) for places, seen in self._seen(buckets)]
        for group in groups:
            self.known[group.where] |= group.windows.known(group.days)
        for partial in dict.fromkeys(leaf.partial for leaf in stream.leaves):
            merge, leaves = _merge_of(partial), [leaf for leaf in stream.leaves if leaf.partial == partial]
            found = [np.full(self.known.shape, merge.nothing) for _ in leaves]
            for group in groups:
                laid = group.windows.laid(merge, group.partials[partial.name])
                for leaf, values in zip(leaves, found, strict=True):
                    values[group.where] = laid.over(leaf, group.days)
            self.leaves |= {leaf.column: told(leaf, values) for leaf, values in zip(leaves, found, strict=True)}

    def add_nothing(self, stream: StreamPlan) -> None:
        """Say what a stream without rows says."""
        for leaf in stream.leaves:
            value, missing = told(leaf, np.array(_merge_of(leaf.partial).nothing))
            shape = self.known.shape
            self.leaves[leaf.column] = (
                np.broadcast_to(value, shape),
                None if missing is None else np.broadcast_to(missing, shape),
            )

    def _group(self, edges: Sequence[int], places: Sequence[int], seen: Buckets) -> _Group:
        count = np.bincount(seen.customer, minlength=self.known.shape[1])
        present, among = np.flatnonzero(count), np.cumsum(count > 0) - 1
        windows = _Windows(edges, seen.day, among[seen.customer], len(present))
        days = [self.cutoffs[place].day for place in places]
        return _Group(np.ix_(np.array(places), present), days, windows, seen.partials)

    def _seen(self, buckets: Buckets) -> Iterator[tuple[list[int], Buckets]]:
        """Yield which cutoffs see which buckets: all the same ones, but for customers of whom rows came late.

        A customer's buckets at one cutoff are in one of the parts only.
        """
        every = list(range(len(self.cutoffs)))
        kept = buckets.branch == KEPT
        if kept.all():
            yield every, buckets
            return
        yield every, buckets.take(kept)
        for place in every:
            yield [place], buckets.take(buckets.branch == self.cutoffs[place].branch)


@dataclass(frozen=True)
class _Group:
    """Buckets that some cutoffs see: ``where`` are those cutoffs and the customers who have any."""

    where: tuple[npt.NDArray[np.intp], ...]
    days: Sequence[int]
    windows: _Windows
    partials: Mapping[str, Whole]


@dataclass(frozen=True)
class _Merge:
    """How partials merge: by which operation, and what stands for none."""

    join: np.ufunc
    nothing: int


_SUM = _Merge(np.add, 0)
_MERGES = {"min": _Merge(np.minimum, MOST), "max": _Merge(np.maximum, LEAST), "latest": _Merge(np.maximum, LEAST)}


def _merge_of(partial: Partial) -> _Merge:
    return _MERGES.get(partial.how, _SUM)


class _Windows:
    """Where the buckets lie among the edges: segment 0 before all of them, segment n behind the n-th."""

    def __init__(
        self, edges: Sequence[int], day: npt.NDArray[np.int32], customer: npt.NDArray[np.intp], customers: int
    ) -> None:
        self.place = {edge: place for place, edge in enumerate(edges)}
        self.cells = (np.searchsorted(edges, day, side="right"), customer)
        self.shape = (len(edges) + 1, customers)

    def known(self, days: Sequence[int]) -> Flags:
        """Return who has a bucket before each of these days."""
        seen: Flags = np.zeros(self.shape, bool)
        seen[self.cells] = True
        np.logical_or.accumulate(seen, axis=0, out=seen)
        return seen[[self.place[day] for day in days]]

    def laid(self, merge: _Merge, values: Whole) -> _Laid:
        """Lay partials out by segment and customer."""
        cells = np.full(self.shape, merge.nothing)
        cells[self.cells] = values
        return _Laid(self.place, merge, cells, merge.join.accumulate(cells, axis=0))


@dataclass(frozen=True)
class _Laid:
    """One partial by segment and customer, and merged along time."""

    place: Mapping[int, int]
    merge: _Merge
    cells: Whole
    along: Whole

    def over(self, leaf: Leaf, days: Sequence[int]) -> Whole:
        """Return a leaf at some cutoffs: a row a cutoff, a column a customer."""
        ends = [self.place[day - leaf.skip] for day in days]
        if leaf.days is None:
            return self.along[ends]
        begins = [self.place[day - leaf.days] for day in days]
        if self.merge is _SUM:
            return self.along[ends] - self.along[begins]
        spans = zip(begins, ends, strict=True)
        return np.stack([self.merge.join.reduce(self.cells[begin + 1 : end + 1], axis=0) for begin, end in spans])


def told(leaf: Leaf, values: Whole) -> Column:
    """Return a leaf as a number with nulls: 0 for counts and sums of nothing, else null."""
    merge, partial = _merge_of(leaf.partial), leaf.partial
    missing = None if merge is _SUM else values == merge.nothing
    if partial.how == "latest":
        values = (values & (LATEST_SHIFT - 1)) - MIDDLE
    numbers = values.astype(np.float64)
    in_ticks = partial.column in STREAM[partial.stream].ticks and partial.how not in ("known", "squares")
    return numbers / TICKS if in_ticks else numbers, missing

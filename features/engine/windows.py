"""Windows for many cutoffs at once: the rows of a stream merged over each window before each cutoff.

The edges of all windows cut time into segments, and each row lies in one of them. Partial aggregates are arranged as a
matrix (segment by customer) and accumulated along time; then a window is the difference of two rows, and the cost of a
further cutoff does not depend on the length of the history before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Column, Flags, RowIndices
from rapport.features.arrays.reductions import MergeRule, merge_rule
from rapport.features.arrays.rows import Groups, take_rows
from rapport.features.engine.plan import StreamPlan
from rapport.features.measures import FIXED_POINT_SCALE, LATEST_OFFSET, LATEST_SHIFT, PartialAggregate, WindowAggregate
from rapport.features.streams import is_fixed_point

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cutoff:
    """A cutoff as a day number, and the first day of its active window."""

    day: int
    active_from: int


@dataclass(frozen=True)
class StreamRows:
    """The rows of one stream for some customers, with their partial aggregates.

    Customers are numbered from 0; those with late rows have one further number per cutoff (see ``late_arrivals``).
    """

    customer: RowIndices
    day: Column
    partials: Mapping[PartialAggregate, Column]


def edges_of(stream: StreamPlan, cutoffs: Sequence[int]) -> list[int]:
    """Return every day on which a window of the stream begins or ends, in order."""
    return sorted({day - edge for day in cutoffs for edge in stream.edges})


class MergedWindows:
    """The window aggregates of some customers at every cutoff, and which customers are known then."""

    def __init__(self, customers: int, cutoffs: Sequence[Cutoff]) -> None:
        self.cutoffs = tuple(cutoffs)
        self.known: Flags = np.zeros((len(cutoffs), customers), bool)
        self.aggregates: dict[str, Column] = {}

    def add(self, stream: StreamPlan, rows: StreamRows) -> None:
        """Merge the rows of a stream; the segments alone separate past from future."""
        groups = [self._group(stream, cutoffs, rows, indices) for cutoffs, indices in self._visible_rows(rows)]
        for group in groups:
            self.known[group.where] |= group.segments.known(group.days)
        for partial in dict.fromkeys(each.partial for each in stream.aggregates):
            rule, aggregates = merge_rule(partial), [each for each in stream.aggregates if each.partial == partial]
            merged = [np.full(self.known.shape, rule.empty) for _ in aggregates]
            for group in groups:
                accumulated = group.segments.accumulated(rule, take_rows(rows.partials[partial], group.indices))
                for aggregate, values in zip(aggregates, merged, strict=True):
                    values[group.where] = accumulated.over(aggregate, group.days)
            pairs = zip(aggregates, merged, strict=True)
            self.aggregates |= {aggregate.column: as_column(aggregate, values) for aggregate, values in pairs}

    def add_empty(self, stream: StreamPlan) -> None:
        """Add the aggregates of a stream without rows."""
        for aggregate in stream.aggregates:
            value, missing = as_column(aggregate, np.array(merge_rule(aggregate.partial).empty))
            shape = self.known.shape
            self.aggregates[aggregate.column] = (
                np.broadcast_to(value, shape),
                None if missing is None else np.broadcast_to(missing, shape),
            )

    def _visible_rows(self, rows: StreamRows) -> Iterator[tuple[list[int], RowIndices | None]]:
        """Yield cutoffs and the rows they see: the same for all cutoffs, except of customers with late rows."""
        day, missing = rows.day
        past = day < max(cutoff.day for cutoff in self.cutoffs)
        if missing is not None:
            past &= ~missing
        copy = rows.customer // self.known.shape[1]
        every = list(range(len(self.cutoffs)))
        if not copy.any():
            yield every, None if past.all() else np.flatnonzero(past)
            return
        yield every, np.flatnonzero(past & (copy == 0))
        for cutoff in every:
            yield [cutoff], np.flatnonzero(past & (copy == cutoff + 1))

    def _group(self, stream: StreamPlan, cutoffs: list[int], rows: StreamRows, indices: RowIndices | None) -> _Group:
        days = [self.cutoffs[cutoff].day for cutoff in cutoffs]
        customer = rows.customer if indices is None else rows.customer[indices]
        customer = customer % self.known.shape[1]
        count = np.bincount(customer, minlength=self.known.shape[1])
        present, rank = np.flatnonzero(count), np.cumsum(count > 0) - 1
        (day, _) = take_rows(rows.day, indices)
        segments = _Segments(edges_of(stream, days), day, rank[customer], len(present))
        return _Group(np.ix_(np.array(cutoffs), present), days, segments, indices)


@dataclass(frozen=True)
class _Group:
    """Rows that some cutoffs see; ``where`` indexes those cutoffs and the customers that have rows."""

    where: tuple[npt.NDArray[np.intp], ...]
    days: Sequence[int]
    segments: _Segments
    indices: RowIndices | None


class _Segments:
    """The segment of each row among the edges: 0 before all edges, n from the n-th edge on."""

    def __init__(self, edges: Sequence[int], day: npt.NDArray[np.int32], customer: RowIndices, customers: int) -> None:
        self.index = {edge: index for index, edge in enumerate(edges)}
        self.shape = (len(edges) + 1, customers)
        segment = _segment_of(edges, day)
        # Rows of a customer in a segment are a group; most streams come in that order.
        self.groups = Groups.of([(customer, None), (segment, None)])
        firsts = self.groups.firsts()
        # One flat index is faster than two.
        cells = segment * customers + customer
        self.cells = cells if firsts is None else cells[firsts]

    def known(self, days: Sequence[int]) -> Flags:
        """Return which customers have a row before each of these days."""
        seen = self._scatter(np.zeros(self.shape, bool), np.array(True))
        np.logical_or.accumulate(seen, axis=0, out=seen)
        return seen[[self.index[day] for day in days]]

    def accumulated(self, rule: MergeRule, column: Column) -> _Accumulated:
        """Arrange partial aggregates by segment and customer."""
        values, missing = column
        if missing is not None:
            values = np.where(missing, rule.empty, values)
        merged = self.groups.merged(rule.ufunc, values) if values.ndim else self._merged_scalar(rule, values)
        if rule.is_sum:
            cells = self._scatter(np.zeros(self.shape, np.int64), merged)
            return _Accumulated(self.index, rule, np.add.accumulate(cells, axis=0, out=cells))
        return _Accumulated(self.index, rule, self._scatter(np.full(self.shape, rule.empty), merged))

    def _scatter(self, cells: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        cells.reshape(-1)[self.cells] = values
        return cells

    def _merged_scalar(self, rule: MergeRule, value: Integers) -> Integers:
        """Merge a value that all rows share."""
        return np.diff(self.groups.starts, append=self.groups.count) * value if rule.is_sum else value


def _segment_of(edges: Sequence[int], day: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    if not len(day):
        return np.zeros(0, np.intp)
    first, last = int(day.min()), int(day.max())
    return np.searchsorted(edges, np.arange(first, last + 1), side="right")[day - first]


@dataclass(frozen=True)
class _Accumulated:
    """One partial aggregate by segment and customer; sums are cumulative along time."""

    index: Mapping[int, int]
    rule: MergeRule
    cells: Integers

    def over(self, aggregate: WindowAggregate, days: Sequence[int]) -> Integers:
        """Return a window aggregate at some cutoffs: one row per cutoff, one column per customer."""
        ends = [self.index[day - aggregate.skip] for day in days]
        if self.rule.is_sum and aggregate.days is None:
            return self.cells[ends]
        if aggregate.days is None:
            return self._all_past(ends)
        begins = [self.index[day - aggregate.days] for day in days]
        if self.rule.is_sum:
            return self.cells[ends] - self.cells[begins]
        spans = zip(begins, ends, strict=True)
        return np.stack([self.rule.ufunc.reduce(self.cells[begin + 1 : end + 1], axis=0) for begin, end in spans])

    def _all_past(self, ends: Sequence[int]) -> Integers:
        """Merge everything before each end, from one end to the next."""
        merged = np.empty((len(ends), self.cells.shape[1]), np.int64)
        ufunc, empty = self.rule.ufunc, self.rule.empty
        begin, so_far = 0, np.full(self.cells.shape[1], empty)
        for cutoff in np.argsort(ends):
            end = ends[cutoff] + 1
            so_far = ufunc(so_far, ufunc.reduce(self.cells[begin:end], 0, initial=empty))
            merged[cutoff], begin = so_far, end
        return merged


def as_column(aggregate: WindowAggregate, values: Integers) -> Column:
    """Return a window aggregate as floats with nulls: over no rows, counts and sums are 0 and others null."""
    rule, partial = merge_rule(aggregate.partial), aggregate.partial
    missing = None if rule.is_sum else values == rule.empty
    if partial.how == "latest":
        values = (values & (LATEST_SHIFT - 1)) - LATEST_OFFSET
    numbers = values.astype(np.float64)
    return numbers / FIXED_POINT_SCALE if is_fixed_point(partial) else numbers, missing

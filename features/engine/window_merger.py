"""The merger: the rows of a stream merged over each window before each cutoff.

One cutoff is the special case of many. Partial aggregates are merged into the segments of time that windows are made
of (see ``windows``). Sums accumulate along time, so that a window is the difference of two of them and the cost of a
further cutoff does not depend on the length of the history before it. As many partial aggregates are merged at once as
fit into the processor's cache: all of a small history, one at a time of many customers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Column, Flags, RowIndices
from rapport.features.arrays.reductions import MergeRule, merge_rule
from rapport.features.arrays.rows import take_rows
from rapport.features.engine.windows import Windows, WindowsByCutoffs
from rapport.features.measures import FIXED_POINT_SCALE, LATEST_OFFSET, LATEST_SHIFT, PartialAggregate, WindowAggregate
from rapport.features.streams import is_fixed_point

Integers = npt.NDArray[np.int64]

CELLS_AT_ONCE = 1 << 15
"""The number of cells (partial aggregate × segment × customer) merged at once: 256 KB."""


@dataclass(frozen=True)
class StreamRows:
    """The rows of one stream: customers, days, and partial aggregates.

    Customers are numbered from 0; those with late rows have one further number per cutoff (see ``late_arrivals``).
    """

    customer: RowIndices
    day: Column
    partials: Mapping[PartialAggregate, Column]

    def take(self, rows: RowIndices) -> StreamRows:
        """Return some of the rows."""
        partials = {partial: take_rows(column, rows) for partial, column in self.partials.items()}
        return StreamRows(self.customer[rows], take_rows(self.day, rows), partials)


class WindowMerger:
    """Merge the partial aggregates of one stream into its window aggregates."""

    def __init__(self, aggregates: Sequence[WindowAggregate]) -> None:
        # Aggregates of the same partial are adjacent, and partials that merge by the same function.
        by_rule = sorted(dict.fromkeys(each.partial for each in aggregates), key=lambda each: merge_rule(each).empty)
        self.aggregates = tuple(each for partial in by_rule for each in aggregates if each.partial == partial)
        self.partials = tuple(by_rule)
        self.windows = WindowsByCutoffs(self.aggregates)
        self._partial_of = np.array([by_rule.index(each.partial) for each in self.aggregates])
        self._first_aggregate = np.searchsorted(self._partial_of, range(len(by_rule) + 1)).tolist()
        rules = [merge_rule(partial) for partial in by_rule]
        self._runs = [(rule, rules.index(rule), rules.index(rule) + rules.count(rule)) for rule in dict.fromkeys(rules)]

    def merge(
        self, partials: Mapping[PartialAggregate, Column], cell: RowIndices, windows: Windows, customers: int
    ) -> Iterator[tuple[slice, Integers]]:
        """Yield aggregates, as a slice, with their values: by aggregate, cutoff and customer.

        ``cell`` is the segment of each row times the number of customers, plus its customer.
        """
        size = max(1, CELLS_AT_ONCE // (windows.segments * max(1, customers)))
        for rule, begin, end in self._runs:
            for first in range(begin, end, size):
                last = min(first + size, end)
                columns = [partials[each] for each in self.partials[first:last]]
                merged = _by_segment(rule, columns, cell, windows.segments, customers)
                own = slice(self._first_aggregate[first], self._first_aggregate[last])
                partial = self._partial_of[own, np.newaxis] - first
                yield own, _over_windows(rule, merged, partial, windows.begins[own], windows.ends[own])


def _by_segment(
    rule: MergeRule, partials: Sequence[Column], cell: RowIndices, segments: int, customers: int
) -> Integers:
    """Merge partial aggregates by segment and customer, behind an empty segment; sums are cumulative along time."""
    merged = _filled((len(partials), (segments + 1) * customers), rule.empty)
    for cells, (values, missing) in zip(merged[:, customers:], partials, strict=True):
        if missing is None:
            rule.ufunc.at(cells, cell, values)
        else:
            known = ~missing
            rule.ufunc.at(cells, cell[known], values[known])
    merged = merged.reshape(len(partials), segments + 1, customers)
    return np.add.accumulate(merged, axis=1, out=merged) if rule.is_sum else merged


def _over_windows(
    rule: MergeRule, merged: Integers, partial: RowIndices, begins: RowIndices, ends: RowIndices
) -> Integers:
    """Return the window aggregates: ``partial`` is the index of each one's partial aggregate."""
    if rule.is_sum:
        return merged[partial, ends] - merged[partial, begins]
    over: Integers = rule.ufunc.accumulate(merged, axis=1)[partial, ends]
    bounded = np.flatnonzero(begins[:, 0])
    if len(bounded):
        spans = np.stack([begins[bounded], ends[bounded]], axis=-1) + 1
        reduced = rule.ufunc.reduceat(merged, spans.reshape(-1), axis=1)[:, ::2]
        over[bounded] = reduced[partial[bounded], np.arange(reduced.shape[1]).reshape(len(bounded), -1)]
    return over


class MergedWindows:
    """The window aggregates of some customers at every cutoff, and which customers are known then.

    ``cells`` are by aggregate (of all streams), cutoff and customer.
    """

    def __init__(self, layout: AggregateLayout, cutoffs: Sequence[int], customers: int) -> None:
        self.layout, self.cutoffs, self.customers = layout, np.array(cutoffs), customers
        self.known: Flags = np.zeros((len(cutoffs), customers), bool)
        self.cells = np.empty((len(layout.empty), len(cutoffs), customers), np.int64)
        self.cells[:] = layout.empty[:, np.newaxis, np.newaxis]

    def add(self, stream: int, rows: StreamRows) -> None:
        """Merge the rows of a stream; the segments alone separate past from future."""
        missing = rows.day[1]
        if missing is not None:
            rows = rows.take(np.flatnonzero(~missing))
        every = np.arange(len(self.cutoffs))
        late = np.flatnonzero(rows.customer >= self.customers)
        if not len(late):
            self._add(stream, every, rows, _numbered(rows.customer, self.customers))
            return
        # Cutoffs see the same rows, except of customers with late rows.
        copy = rows.customer // self.customers
        own = replace(rows, customer=rows.customer % self.customers)
        for cutoffs, number in [(every, 0), *((every[index : index + 1], index + 1) for index in every)]:
            seen = own.take(np.flatnonzero(copy == number))
            # The cells of other customers are left as they are.
            self._add(stream, cutoffs, seen, _numbered(seen.customer, self.customers, dense=False))

    def _add(self, stream: int, cutoffs: RowIndices, rows: StreamRows, numbered: tuple[RowIndices, RowIndices]) -> None:
        """Merge rows that some cutoffs see, of the customers ``numbered``: their numbers, and each row's among them."""
        merger, first_row = self.layout.mergers[stream], self.layout.first_rows[stream]
        days = self.cutoffs[cutoffs]
        windows = merger.windows.of((days - days[0]).tolist())
        present, number = numbered
        segment = windows.segment(rows.day[0] - days[0])
        first_segment = _filled(len(present), windows.segments)
        np.minimum.at(first_segment, number, segment)
        known = first_segment < windows.known[:, np.newaxis]
        where = (slice(None), slice(None)) if known.shape == self.known.shape else np.ix_(cutoffs, present)
        self.known[where] |= known
        # One flat index is faster than two.
        for some, values in merger.merge(rows.partials, segment * len(present) + number, windows, len(present)):
            self.cells[first_row + some.start : first_row + some.stop][:, *where] = values

    def columns(self) -> tuple[RowIndices, RowIndices, dict[str, Column]]:
        """Return cutoff, customer and aggregates of the customers that are known at a cutoff, cutoff by cutoff."""
        cutoff, customer = np.nonzero(self.known)
        cells = self.cells.reshape(len(self.cells), -1)
        if not self.known.all():
            cells = cells[:, cutoff * self.customers + customer]
        return cutoff, customer, self.layout.columns(cells)


def _filled(shape: int | tuple[int, int], value: np.int64 | int) -> Integers:
    """Return an array of one value, in a third of the time that ``np.full`` takes for a small one."""
    cells = np.empty(shape, np.int64)
    cells.fill(value)
    return cells


def _numbered(customer: RowIndices, customers: int, *, dense: bool = True) -> tuple[RowIndices, RowIndices]:
    """Return the customers that occur, and each row's number among them; if ``dense`` all, where most occur."""
    if dense and len(customer) >= customers:
        return np.arange(customers), customer
    occurs = np.zeros(customers, bool)
    occurs[customer] = True
    present = np.flatnonzero(occurs)
    return present, (np.cumsum(occurs) - 1)[customer]


def empty_value(aggregate: WindowAggregate) -> np.int64:
    """Return the value of the aggregate over no rows; 0 for a sum."""
    return merge_rule(aggregate.partial).empty


class AggregateLayout:
    """The window aggregates of all streams, one below the other, and what turns them into columns."""

    def __init__(self, mergers: Sequence[WindowMerger]) -> None:
        aggregates = [each for merger in mergers for each in merger.aggregates]
        self.mergers = tuple(mergers)
        self.first_rows = np.cumsum([0] + [len(merger.aggregates) for merger in mergers]).tolist()
        self.empty = np.array([empty_value(each) for each in aggregates], np.int64)
        self._names = [each.column for each in aggregates]
        self._extremes = np.flatnonzero(self.empty)
        self._latest = np.flatnonzero([each.partial.how == "latest" for each in aggregates])
        scales = [float(FIXED_POINT_SCALE) if is_fixed_point(each.partial) else 1.0 for each in aggregates]
        self._scales = np.array(scales)[:, np.newaxis]

    def columns(self, cells: Integers) -> dict[str, Column]:
        """Return aggregates as floats with nulls: over no rows, counts and sums are 0 and others null."""
        missing = cells[self._extremes] == self.empty[self._extremes, np.newaxis]
        cells[self._latest] = (cells[self._latest] & (LATEST_SHIFT - 1)) - LATEST_OFFSET
        values = cells / self._scales
        columns: dict[str, Column] = {name: (values[row], None) for row, name in enumerate(self._names)}
        for row, nulls, some in zip(self._extremes.tolist(), missing, missing.any(axis=1).tolist(), strict=True):
            if some:
                columns[self._names[row]] = values[row], nulls
        return columns

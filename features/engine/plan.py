"""The plan: which rows of which event streams a set of measures needs, compiled to steps on arrays.

Each row of a stream carries its own partial aggregates. They are merged over each window before each cutoff
(``window_merger``), and ``finish`` does the arithmetic of the measures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rapport.features.arrays.steps import Inputs, Schedule
from rapport.features.arrays.value import Program, Value
from rapport.features.arrays.verbs import Rows, table
from rapport.features.engine.finish import Finish
from rapport.features.engine.prepared_tables import PREPARED_TABLES, prepared_name, prepared_schema
from rapport.features.engine.window_merger import AggregateLayout, StreamRows, WindowMerger
from rapport.features.measures import LATEST_OFFSET, LATEST_SHIFT, Measure, PartialAggregate, WindowAggregate
from rapport.features.streams import STREAMS, Stream

YEAR_2000 = 946_684_800
_MOST_SCHEDULES = 256


@dataclass(frozen=True)
class StreamPlan:
    """One event stream: its window aggregates, and the slots of its rows: customers, days and partial aggregates."""

    stream: Stream
    merger: WindowMerger
    customer: int
    day: int
    partials: Mapping[PartialAggregate, int]

    @property
    def slots(self) -> tuple[int, ...]:
        """Return every slot of its rows."""
        return (self.customer, self.day, *self.partials.values())


class Plan:
    """The compiled plan of a set of measures; thread-safe."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self.program, self.finish = Program(), Finish(measures)
        tables = {
            source.name: table(self.program, prepared_name(source.name), prepared_schema(source))
            for source in PREPARED_TABLES.values()
        }
        aggregates = list(dict.fromkeys(each for measure in measures.values() for each in measure.window_aggregates()))
        self.streams = tuple(
            _stream_plan(stream, own, tables)
            for stream in STREAMS
            if (own := [each for each in aggregates if each.partial.stream == stream.name])
        )
        self.layout = AggregateLayout([stream.merger for stream in self.streams])
        self.inputs: dict[str, list[str]] = {}
        for source, name in self.program.inputs_of(slot for stream in self.streams for slot in stream.slots):
            self.inputs.setdefault(source, []).append(name)
        self._schedules: dict[tuple[int, ...], Schedule] = {}

    def live(self, filled: Collection[str]) -> list[int]:
        """Return the streams (their indices) that can have rows when only these tables have any."""
        tables = frozenset(filled)
        return [index for index, each in enumerate(self.streams) if each.stream.is_measurable(tables)]

    def rows(self, live: Sequence[int], columns: Inputs) -> Iterator[tuple[int, StreamRows]]:
        """Compute the rows of some streams from the columns of the prepared tables."""
        slots = self.program.run(self._schedule(tuple(live)), columns)
        for index in live:
            stream = self.streams[index]
            partials = {partial: slots[slot] for partial, slot in stream.partials.items()}
            yield index, StreamRows(slots[stream.customer][0], slots[stream.day], partials)

    def _schedule(self, live: tuple[int, ...]) -> Schedule:
        schedule = self._schedules.get(live)
        if schedule is None:
            if len(self._schedules) >= _MOST_SCHEDULES:
                self._schedules.clear()
            schedule = self.program.schedule(slot for index in live for slot in self.streams[index].slots)
            self._schedules[live] = schedule
        return schedule


def _stream_plan(stream: Stream, aggregates: Sequence[WindowAggregate], tables: Mapping[str, Rows]) -> StreamPlan:
    rows, merger = stream.rows(tables), WindowMerger(aggregates)
    customer, day = (rows.full(rows[name]).slot for name in ("customer_id", "day"))
    partials = {partial: row_partial(partial, rows).slot for partial in merger.partials}
    return StreamPlan(stream, merger, customer, day, partials)


def row_partial(partial: PartialAggregate, rows: Rows) -> Value:
    """Return the partial aggregate of a single row; a constant where it is the same in all rows."""
    selected = _selection(partial.where, rows) if partial.where else None
    if partial.column is None:
        return rows.program.as_value(1) if selected is None else selected.cast(np.int64)
    value = rows[partial.column].cast(np.int64)
    if selected is not None:
        value = value.null_unless(selected)
    if partial.how == "known":
        return value.is_known().cast(np.int64)
    if partial.how == "squares":
        return value * value
    if partial.how == "latest":
        # Times more than 68 years from 2000 and values beyond 2^31 are clipped to what can be packed.
        second = (rows["second"] - YEAR_2000).clip(-LATEST_OFFSET + 1, LATEST_OFFSET - 1)
        return second * LATEST_SHIFT + (value.clip(-LATEST_OFFSET + 1, LATEST_OFFSET - 1) + LATEST_OFFSET)
    return value


def _selection(where: str, rows: Rows) -> Value:
    column, _, text = where.partition("=")
    return rows[column].equals(text) if text else rows[column]

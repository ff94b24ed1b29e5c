"""The plan: which rows of which event streams a set of measures needs, compiled to steps on arrays.

Each row of a stream carries its own partial aggregates. They are merged over each window before a cutoff
(``window_merger`` for one cutoff, ``windows`` for many), and ``finish`` does the arithmetic of the measures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rapport.features.arrays.steps import Schedule
from rapport.features.arrays.value import Program, Value
from rapport.features.arrays.verbs import Rows, table
from rapport.features.engine.finish import Finish
from rapport.features.engine.prepared_tables import PREPARED_TABLES, prepared_name, prepared_schema
from rapport.features.measures import LATEST_OFFSET, LATEST_SHIFT, Measure, PartialAggregate, WindowAggregate
from rapport.features.streams import STREAMS, Stream

YEAR_2000 = 946_684_800
_MOST_SCHEDULES = 256


@dataclass(frozen=True)
class StreamPlan:
    """One event stream: its window aggregates, and the slots of its rows: customers, days and partial aggregates."""

    stream: Stream
    aggregates: tuple[WindowAggregate, ...]
    customer: int
    day: int
    partials: Mapping[PartialAggregate, int]

    @property
    def slots(self) -> tuple[int, ...]:
        """Return every slot of its rows."""
        return (self.customer, self.day, *self.partials.values())

    @property
    def edges(self) -> frozenset[int]:
        """Return the distances, in days before a cutoff, at which windows begin or end."""
        return frozenset(
            {0} | {edge for each in self.aggregates for edge in (each.days, each.skip) if edge is not None}
        )

    def can_have_rows(self, filled: Collection[str]) -> bool:
        """Return whether the stream can have rows when only these tables have any."""
        return self.stream.is_measurable(frozenset(filled))


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
        self.inputs = self.program.inputs_of(slot for stream in self.streams for slot in stream.slots)
        self._schedules: dict[tuple[int, ...], Schedule] = {}

    def schedule(self, streams: Sequence[int]) -> Schedule:
        """Return the steps that compute the rows of some streams, by their indices."""
        key = tuple(streams)
        if key not in self._schedules:
            if len(self._schedules) >= _MOST_SCHEDULES:
                self._schedules.clear()
            found = self.program.schedule(slot for stream in streams for slot in self.streams[stream].slots)
            self._schedules[key] = found
            return found
        return self._schedules[key]


def _stream_plan(stream: Stream, aggregates: Sequence[WindowAggregate], tables: Mapping[str, Rows]) -> StreamPlan:
    rows = stream.rows(tables)
    customer, day = (rows.full(rows[name]).slot for name in ("customer_id", "day"))
    partials = {each.partial: row_partial(each.partial, rows).slot for each in aggregates}
    return StreamPlan(stream, tuple(aggregates), customer, day, partials)


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

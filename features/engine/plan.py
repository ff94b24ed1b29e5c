"""The plan: for each event stream, the rows with the partial aggregates that the declared measures need.

Rows are declared with Ibis and computed on arrays. Each row carries its own partial aggregates; they are merged over
each window before a cutoff (``window_merger`` for one cutoff, ``windows`` for many), and ``finish`` does the arithmetic
of the measures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import ibis

from rapport.features.engine.prepared_tables import unbound_tables
from rapport.features.measures import LATEST_OFFSET, LATEST_SHIFT, Measure, PartialAggregate, WindowAggregate
from rapport.features.streams import STREAMS, Stream

YEAR_2000 = 946_684_800


@dataclass(frozen=True)
class StreamPlan:
    """One event stream: its window ``aggregates`` and the ``expression`` of its rows.

    ``edges`` are the distances, in days before a cutoff, at which the windows of its aggregates begin or end.
    """

    name: str
    tables: tuple[str, ...]
    any_table: bool
    edges: tuple[int, ...]
    aggregates: tuple[WindowAggregate, ...]
    expression: ibis.Table = field(repr=False, compare=False)

    def can_have_rows(self, filled: Collection[str]) -> bool:
        """Return whether the stream can have rows when only these tables have any."""
        return (any if self.any_table else all)(table in filled for table in self.tables)


@dataclass(frozen=True)
class Plan:
    """A set of measures and the plans of the streams that they read."""

    streams: tuple[StreamPlan, ...]
    measures: Mapping[str, Measure]


def plan(measures: Mapping[str, Measure]) -> Plan:
    """Compile named measures."""
    by_stream: dict[str, list[WindowAggregate]] = {}
    aggregates = (each for measure in measures.values() for each in measure.window_aggregates())
    for aggregate in dict.fromkeys(aggregates):
        by_stream.setdefault(aggregate.partial.stream, []).append(aggregate)
    tables = unbound_tables()
    streams = [_stream_plan(stream, by_stream[stream.name], tables) for stream in STREAMS if stream.name in by_stream]
    return Plan(tuple(streams), measures)


def _stream_plan(stream: Stream, aggregates: list[WindowAggregate], tables: Mapping[str, ibis.Table]) -> StreamPlan:
    rows = stream.rows(tables)
    partials = {each.partial.name: row_partial(each.partial, rows) for each in aggregates}
    return StreamPlan(
        name=stream.name,
        tables=stream.tables,
        any_table=stream.any_table,
        edges=tuple(sorted({0} | {edge for each in aggregates for edge in (each.days, each.skip) if edge is not None})),
        aggregates=tuple(aggregates),
        expression=rows.select("customer_id", "day", **partials),
    )


def row_partial(partial: PartialAggregate, rows: ibis.Table) -> ibis.Value:
    """Return the partial aggregate of a single row."""
    selected = _selection(partial.where, rows) if partial.where else None
    if partial.how == "count":
        one = ibis.literal(1, "int64")
        return one if selected is None else selected.cast("int64")
    value = rows[partial.column].cast("int64")
    if selected is not None:
        value = ibis.ifelse(selected, value, None)
    if partial.how == "known":
        return value.notnull().cast("int64")
    if partial.how == "squares":
        return value * value
    if partial.how == "latest":
        # Times more than 68 years from 2000 and values beyond 2^31 are clipped to what can be packed.
        second = (rows.second - YEAR_2000).clip(-LATEST_OFFSET + 1, LATEST_OFFSET - 1)
        return second * LATEST_SHIFT + (value.clip(-LATEST_OFFSET + 1, LATEST_OFFSET - 1) + LATEST_OFFSET)
    return value


def _selection(where: str, rows: ibis.Table) -> ibis.Value:
    column, _, value = where.partition("=")
    return rows[column] == value if value else rows[column]

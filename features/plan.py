"""The plan: the rows that the declared measures are merged from, declared with Ibis and run on arrays.

A stream's rows carry partial aggregates of one row each; they are merged over each window before a cutoff (see
``arrays.merging`` for one cutoff and ``windows`` for many), and then the arithmetic of the measures is done
(``arrays.finish``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import ibis
from rapport.features.measures import LATEST_SHIFT, Leaf, Measure, Partial
from rapport.features.sources import unbound
from rapport.features.streams import STREAMS, Stream

MIDDLE = LATEST_SHIFT // 2
YEAR_2000 = 946_684_800


@dataclass(frozen=True)
class StreamPlan:
    """One stream: its ``leaves`` and the ``expression`` of its rows.

    ``edges`` are the distances, in days before a cutoff, at which the windows of its leaves begin or end.
    """

    name: str
    tables: tuple[str, ...]
    either: bool
    edges: tuple[int, ...]
    leaves: tuple[Leaf, ...]
    expression: ibis.Table = field(repr=False, compare=False)

    def can_have_rows(self, filled: Collection[str]) -> bool:
        """Return whether there can be a row when only these tables have any."""
        return (any if self.either else all)(table in filled for table in self.tables)


@dataclass(frozen=True)
class Plan:
    """The streams that a set of measures is told from, and the measures."""

    streams: tuple[StreamPlan, ...]
    measures: Mapping[str, Measure]


def plan(measures: Mapping[str, Measure]) -> Plan:
    """Compile named measures."""
    by_stream: dict[str, list[Leaf]] = {}
    for leaf in dict.fromkeys(leaf for measure in measures.values() for leaf in measure.leaves()):
        by_stream.setdefault(leaf.partial.stream, []).append(leaf)
    tables = unbound()
    streams = [_stream_plan(stream, by_stream[stream.name], tables) for stream in STREAMS if stream.name in by_stream]
    return Plan(tuple(streams), measures)


def _stream_plan(stream: Stream, leaves: list[Leaf], tables: Mapping[str, ibis.Table]) -> StreamPlan:
    rows = stream.rows(tables)
    partials = {leaf.partial.name: row_partial(leaf.partial, rows) for leaf in leaves}
    return StreamPlan(
        name=stream.name,
        tables=stream.tables,
        either=stream.either,
        edges=tuple(sorted({0} | {edge for leaf in leaves for edge in (leaf.days, leaf.skip) if edge is not None})),
        leaves=tuple(leaves),
        expression=rows.select("customer_id", "day", **partials),
    )


def row_partial(partial: Partial, rows: ibis.Table) -> ibis.Value:
    """Return the partial aggregate of a single row."""
    chosen = _chosen(partial.where, rows) if partial.where else None
    if partial.how == "count":
        one = ibis.literal(1, "int64")
        return one if chosen is None else chosen.cast("int64")
    value = rows[partial.column].cast("int64")
    if chosen is not None:
        value = ibis.ifelse(chosen, value, None)
    if partial.how == "known":
        return value.notnull().cast("int64")
    if partial.how == "squares":
        return value * value
    if partial.how == "latest":
        # Beyond 68 years around 2000, or values beyond 2^31, the nearest that can be packed stands for them.
        second = (rows.second - YEAR_2000).clip(-MIDDLE + 1, MIDDLE - 1)
        return second * LATEST_SHIFT + (value.clip(-MIDDLE + 1, MIDDLE - 1) + MIDDLE)
    return value


def _chosen(where: str, rows: ibis.Table) -> ibis.Value:
    column, _, value = where.partition("=")
    return rows[column] == value if value else rows[column]

"""The compiled plan: the rows and buckets that the declared measures are merged from, made once with Ibis and kept.

A partial aggregate of one row is a partial aggregate, so all ways share the *rows* (a stream's rows as partials).
*Buckets* are partials merged between window edges; on arrays they are merged over each window before the cutoff, and
the arithmetic of the measures is done there too (see ``arrays``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import ibis

from features.measures import LATEST_SHIFT, Leaf, Measure, Partial
from features.sources import BEFORE_ALL, unbound
from features.streams import STREAMS, UNIT, Stream

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

    # Writing SQL takes longer than all else a plan does, and only a big history is measured by it.
    @cached_property
    def rows(self) -> str:
        """Return the SQL of the rows; it reads the prepared tables."""
        return _sql(self.expression)

    @cached_property
    def buckets(self) -> str:
        """Return the SQL of the buckets; it reads ``rows_<name>`` and ``days``."""
        read = ibis.table(dict(self.expression.schema().items()), name=f"rows_{self.name}")
        return _sql(_buckets(read, dict.fromkeys(leaf.partial for leaf in self.leaves)))


@dataclass(frozen=True)
class Plan:
    """The streams that a set of measures is told from, and the measures."""

    streams: tuple[StreamPlan, ...]
    measures: Mapping[str, Measure]

    def with_sql(self) -> Plan:
        """Return it with all SQL written, for where it is sent to many who will need it."""
        for stream in self.streams:
            _ = stream.rows, stream.buckets
        return self


def plan(measures: Mapping[str, Measure]) -> Plan:
    """Compile named measures."""
    by_stream: dict[str, list[Leaf]] = {}
    for leaf in dict.fromkeys(leaf for measure in measures.values() for leaf in measure.leaves()):
        by_stream.setdefault(leaf.partial.stream, []).append(leaf)
    streams = [_stream_plan(stream, by_stream[stream.name]) for stream in STREAMS if stream.name in by_stream]
    return Plan(tuple(streams), measures)


def _stream_plan(stream: Stream, leaves: list[Leaf]) -> StreamPlan:
    rows = stream.rows(unbound())
    partials = {leaf.partial.name: row_partial(leaf.partial, rows) for leaf in leaves}
    return StreamPlan(
        name=stream.name,
        tables=stream.tables,
        either=stream.either,
        edges=tuple(sorted({0} | {edge for leaf in leaves for edge in (leaf.days, leaf.skip) if edge is not None})),
        leaves=tuple(leaves),
        expression=rows.select(*UNIT, "day", **partials),
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


def merged(partial: Partial, column: ibis.Value, where: ibis.Value | None = None) -> ibis.Value:
    """Return the merge of partial aggregates."""
    if partial.how == "min":
        return column.min(where=where)
    if partial.how in ("max", "latest"):
        return column.max(where=where)
    return column.sum(where=where).cast("int64")


MOST = (1 << 63) - 1
LEAST = -MOST
"""What a minimum and a maximum of nothing are: no number of a history comes so far."""


def nothing_of(partial: Partial) -> int:
    """Return what stands for a partial aggregate of no rows."""
    return {"min": MOST, "max": LEAST, "latest": LEAST}.get(partial.how, 0)


def _buckets(rows: ibis.Table, partials: Iterable[Partial]) -> ibis.Table:
    days = ibis.table({"on": "int32", "first": "int32"}, name="days")
    placed = rows.left_join(days, rows.day == days.on).drop("on")
    placed = placed.mutate(bucket=placed.first.fill_null(BEFORE_ALL))
    grouped = placed.group_by(*UNIT, "bucket").agg(
        **{
            partial.name: merged(partial, placed[partial.name]).fill_null(ibis.literal(nothing_of(partial), "int64"))
            for partial in partials
        }
    )
    return grouped.rename(day="bucket").order_by("customer_id")


def _sql(expression: ibis.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))

"""The compiled plan: from the declared measures to SQL, made once with Ibis and kept.

Both plans share three steps, because a partial aggregate of one row is a partial aggregate:
*rows* (a stream's rows as partials), *buckets* (partials merged between window edges; only with many cutoffs) and
*merge* (partials merged over each window before the cutoff). *finish* does the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import ibis

from features.measures import LATEST_SHIFT, Binary, Either, Leaf, Measure, Number, Partial, Unary, When
from features.sources import BEFORE_ALL, unbound
from features.streams import STREAMS, UNIT, Stream

MIDDLE = LATEST_SHIFT // 2
YEAR_2000 = 946_684_800

Streams = Sequence[tuple[Stream, list[Leaf]]]
Extra = Callable[[ibis.Table], Mapping[str, ibis.Value]]


@dataclass(frozen=True)
class StreamPlan:
    """The SQL of one stream.

    ``rows`` reads the prepared tables, ``buckets`` reads ``rows_<name>`` and ``days``. ``edges`` are the distances, in
    days before a cutoff, at which the windows of its ``leaves`` begin or end.
    """

    name: str
    tables: tuple[str, ...]
    either: bool
    rows: str
    buckets: str
    edges: tuple[int, ...]
    leaves: tuple[Leaf, ...]
    expression: ibis.Table = field(repr=False, compare=False)
    """``rows`` before it became SQL."""

    def can_have_rows(self, filled: Collection[str]) -> bool:
        """Return whether there can be a row when only these tables have any."""
        return (any if self.either else all)(table in filled for table in self.tables)


@dataclass(frozen=True)
class Plan:
    """The SQL of a set of measures.

    ``finish`` reads the value of every leaf as ``gathered``.
    """

    streams: tuple[StreamPlan, ...]
    expression: ibis.Table = field(repr=False, compare=False)
    """``finish`` before it became SQL."""


def plan(measures: Mapping[str, Measure], extra: Extra | None = None) -> Plan:
    """Compile named measures; ``extra`` adds columns made from the finished ones."""
    by_stream: dict[str, list[Leaf]] = {}
    for leaf in dict.fromkeys(leaf for measure in measures.values() for leaf in measure.leaves()):
        by_stream.setdefault(leaf.partial.stream, []).append(leaf)
    ordered = [(stream, by_stream[stream.name]) for stream in STREAMS if stream.name in by_stream]
    streams = tuple(_stream_plan(stream, leaves) for stream, leaves in ordered)
    return Plan(streams, _finish(measures, ordered, extra))


def _stream_plan(stream: Stream, leaves: list[Leaf]) -> StreamPlan:
    partials = tuple(dict.fromkeys(leaf.partial for leaf in leaves))
    rows = stream.rows(unbound())
    rows = rows.select(*UNIT, "day", **{partial.name: row_partial(partial, rows) for partial in partials})
    columns = dict(rows.schema().items())
    read = ibis.table(columns, name=f"rows_{stream.name}")
    edges = {0} | {edge for leaf in leaves for edge in (leaf.days, leaf.skip) if edge is not None}
    return StreamPlan(
        name=stream.name,
        tables=stream.tables,
        either=stream.either,
        rows=_sql(rows),
        buckets=_sql(_buckets(read, partials)),
        edges=tuple(sorted(edges)),
        leaves=tuple(leaves),
        expression=rows,
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


def _finish(measures: Mapping[str, Measure], ordered: Streams, extra: Extra | None) -> ibis.Table:
    columns = {"customer_id": "string", "cutoff": "int32", "active_from": "int32"}
    columns |= {leaf.column: "float64" for _, leaves in ordered for leaf in leaves}
    gathered = ibis.table(columns, name="gathered")
    values = {name: finished(measure, gathered).cast("float64") for name, measure in measures.items()}
    done = gathered.select("customer_id", "cutoff", "active_from", **values)
    if extra is not None:
        done = done.mutate(**extra(done))
    return done.drop("active_from")


def finished(measure: Measure, gathered: ibis.Table) -> ibis.Value:
    """Return the expression of a measure over the gathered leaves."""
    if isinstance(measure, Leaf):
        return gathered[measure.column]
    if isinstance(measure, Number):
        return ibis.literal(measure.value, "float64")
    if isinstance(measure, Unary):
        return _unary(measure.operator, finished(measure.inner, gathered), gathered)
    if isinstance(measure, Either):
        return finished(measure.first, gathered).coalesce(finished(measure.second, gathered))
    if isinstance(measure, When):
        return ibis.ifelse(finished(measure.test, gathered) > 0, finished(measure.then, gathered), None)
    assert isinstance(measure, Binary)
    return _binary(measure.operator, finished(measure.left, gathered), finished(measure.right, gathered))


def _unary(operator: str, value: ibis.Value, gathered: ibis.Table) -> ibis.Value:
    if operator == "since":
        return gathered.cutoff - 1 - value
    if operator == "until":
        return value - gathered.cutoff
    return ibis.ifelse(value >= 0, value, None).sqrt()


def _binary(operator: str, left: ibis.Value, right: ibis.Value) -> ibis.Value:
    if operator == "/":
        return left / right.nullif(0.0)
    if operator in ("max", "min"):
        pick = left >= right if operator == "max" else left <= right
        return ibis.ifelse(left.isnull() | right.isnull(), None, ibis.ifelse(pick, left, right))
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def _sql(expression: ibis.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))

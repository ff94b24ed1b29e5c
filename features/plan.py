"""The compiled plan: from the declared measures to SQL, made once with Ibis and kept.

Both plans share three steps, because a partial aggregate of one row is a partial aggregate:
*rows* (a stream's rows as partials), *buckets* (partials merged between window edges; only with many cutoffs) and
*merge* (partials merged over each window before the cutoff). *finish* does the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import ibis

from features.measures import LATEST_SHIFT, TICKS, Binary, Either, Leaf, Measure, Number, Partial, Unary, When
from features.sources import BEFORE_ALL, unbound
from features.streams import STREAM, STREAMS, UNIT, Stream

MIDDLE = LATEST_SHIFT // 2
YEAR_2000 = 946_684_800


@dataclass(frozen=True)
class StreamPlan:
    """The SQL of one stream.

    ``rows`` reads the prepared tables, ``buckets`` reads ``rows_<name>`` and ``days``, ``merge`` reads ``past_<name>``
    and gives one row a customer.
    """

    name: str
    rows: str
    buckets: str
    merge: str
    edges: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The SQL of a set of measures; ``finish`` reads ``people`` and every ``merged_<stream>``."""

    streams: tuple[StreamPlan, ...]
    finish: str

    @property
    def edges(self) -> tuple[int, ...]:
        """Return every distance, in days before a cutoff, at which a window begins or ends."""
        return tuple(sorted({edge for stream in self.streams for edge in stream.edges}))


def plan(
    measures: Mapping[str, Measure], extra: Callable[[ibis.Table], Mapping[str, ibis.Value]] | None = None
) -> Plan:
    """Compile named measures; ``extra`` adds columns made from the finished ones."""
    leaves = dict.fromkeys(leaf for measure in measures.values() for leaf in measure.leaves())
    by_stream: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        by_stream.setdefault(leaf.partial.stream, []).append(leaf)
    ordered = [(stream, by_stream[stream.name]) for stream in STREAMS if stream.name in by_stream]
    return Plan(tuple(_stream_plan(stream, leaves) for stream, leaves in ordered), _finish(measures, ordered, extra))


def _stream_plan(stream: Stream, leaves: list[Leaf]) -> StreamPlan:
    partials = tuple(dict.fromkeys(leaf.partial for leaf in leaves))
    rows = stream.rows(unbound())
    rows = rows.select(*UNIT, "day", **{partial.name: row_partial(partial, rows) for partial in partials})
    columns = dict(rows.schema().items())
    read = ibis.table(columns, name=f"rows_{stream.name}")
    past = ibis.table(columns | {"cutoff": "int32"}, name=f"past_{stream.name}")
    edges = {0} | {edge for leaf in leaves for edge in (leaf.days, leaf.skip) if edge is not None}
    return StreamPlan(
        stream.name,
        _sql(rows),
        _sql(_buckets(read, partials)),
        _sql(_merge(past, leaves)),
        tuple(sorted(edges)),
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
        return (rows.second - YEAR_2000) * LATEST_SHIFT + (value + MIDDLE)
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


def _buckets(rows: ibis.Table, partials: Iterable[Partial]) -> ibis.Table:
    days = ibis.table({"on": "int32", "first": "int32"}, name="days")
    placed = rows.left_join(days, rows.day == days.on).drop("on")
    placed = placed.mutate(bucket=placed.first.fill_null(BEFORE_ALL))
    grouped = placed.group_by(*UNIT, "bucket").agg(
        **{partial.name: merged(partial, placed[partial.name]) for partial in partials}
    )
    return grouped.rename(day="bucket").order_by("customer_id")


def _merge(past: ibis.Table, leaves: Iterable[Leaf]) -> ibis.Table:
    return past.group_by("customer_id").agg(
        **{leaf.name: merged(leaf.partial, past[leaf.partial.name], _window(past, leaf)) for leaf in leaves}
    )


def _window(past: ibis.Table, leaf: Leaf) -> ibis.Value | None:
    bounds = []
    if leaf.days is not None:
        bounds.append(past.cutoff - past.day <= leaf.days)
    if leaf.skip:
        bounds.append(past.cutoff - past.day > leaf.skip)
    return reduce(lambda one, other: one & other, bounds) if bounds else None


def _finish(
    measures: Mapping[str, Measure],
    ordered: list[tuple[Stream, list[Leaf]]],
    extra: Callable[[ibis.Table], Mapping[str, ibis.Value]] | None,
) -> str:
    people = ibis.table({"customer_id": "string", "cutoff": "int32", "active_from": "int32"}, name="people")
    wide = people
    for stream, leaves in ordered:
        columns = {"customer_id": "string"} | {leaf.name: "int64" for leaf in leaves}
        part = ibis.table(columns, name=f"merged_{stream.name}")
        part = part.rename({f"{stream.name}__{leaf.name}": leaf.name for leaf in leaves})
        wide = wide.left_join(part, "customer_id")
        wide = wide.drop([name for name in wide.columns if name.endswith("_right")])
    values = {name: finished(measure, wide).cast("float64") for name, measure in measures.items()}
    done = wide.select("customer_id", "cutoff", "active_from", **values)
    if extra is not None:
        done = done.mutate(**extra(done))
    return _sql(done.drop("active_from").order_by("customer_id"))


def finished(measure: Measure, wide: ibis.Table) -> ibis.Value:
    """Return the expression of a measure over the merged columns."""
    if isinstance(measure, Leaf):
        return _leaf_value(measure, wide)
    if isinstance(measure, Number):
        return ibis.literal(measure.value, "float64")
    if isinstance(measure, Unary):
        return _unary(measure.operator, finished(measure.inner, wide), wide)
    if isinstance(measure, Either):
        return finished(measure.first, wide).coalesce(finished(measure.second, wide))
    if isinstance(measure, When):
        return ibis.ifelse(finished(measure.test, wide) > 0, finished(measure.then, wide), None)
    assert isinstance(measure, Binary)
    return _binary(measure.operator, finished(measure.left, wide), finished(measure.right, wide))


def _leaf_value(leaf: Leaf, wide: ibis.Table) -> ibis.Value:
    partial = leaf.partial
    value = wide[f"{partial.stream}__{leaf.name}"]
    if partial.how == "latest":
        value = (value & (LATEST_SHIFT - 1)) - MIDDLE
    if partial.how in ("count", "sum", "squares", "known"):
        value = value.fill_null(0)
    value = value.cast("float64")
    in_ticks = partial.column in STREAM[partial.stream].ticks and partial.how not in ("known", "squares")
    return value / float(TICKS) if in_ticks else value


def _unary(operator: str, value: ibis.Value, wide: ibis.Table) -> ibis.Value:
    if operator == "since":
        return wide.cutoff - 1 - value
    if operator == "until":
        return value - wide.cutoff
    if operator == "log1p":
        return (value + 1.0).ln()
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

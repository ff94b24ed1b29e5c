"""Run a plan on a history: at one cutoff for scoring, at many for training. Both give the same cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.arrays import ArrayPlan, small_snapshot
from features.by_contract import ChurnRule, contract_states
from features.catalog import Catalog, catalog
from features.kin import READ, kin_columns
from features.plan import Plan, StreamPlan
from features.question import Cutoff, Question, opened
from features.sources import KEPT, Moment, attribute_columns, on_clock, prepare
from features.streams import measurable
from features.targets import TARGETS
from history import History, Settings
from history.spans import Span

ROWS_AT_ONCE = 4_000_000
"""Cutoffs are merged together while they copy no more than this many buckets; a big history goes cutoff by cutoff."""


SMALL = 20_000
"""Up to so many rows one cutoff is measured on arrays: a database's planning would cost more than the work."""


def snapshot(
    history: History,
    as_of: datetime,
    features: Catalog | None = None,
    *,
    active: Span,
    present: Collection[str] | None = None,
    rule: ChurnRule | None = None,
) -> pa.Table:
    """Return one row for every customer known at ``as_of``: customer_id, state, then the catalog's features.

    Numbers are float64 and null where nothing can be said; names are strings. ``present`` names the tables that the
    company keeps (by default those of this history): features of other tables are null, not 0. ``rule`` says what
    churn is judged by (by default what the history's settings say), and with it who is active.
    """
    features = features or catalog()
    zone = history.settings.zone
    moment, before = Moment.of(as_of, zone), on_clock(as_of, zone)
    active_from = moment.day_of(active.before(as_of), zone)
    if sum(history.rows.values()) <= SMALL:
        rows = small_snapshot(array_plan(features), history, before, moment, active_from)
    else:
        rows = _big_snapshot(history, features, before, moment, active_from)
    kept = frozenset(history.present if present is None else present)
    asked = pa.table(
        {"customer_id": rows["customer_id"], "cutoff": pa.repeat(pa.scalar(before, pa.timestamp("us")), len(rows))}
    )
    given = _of_customers(history, features, asked, lambda: _beside(asked, rows.select(READ)), kept)
    rule = rule or ChurnRule.of(history.settings)
    if rule.is_by_contract:
        states = contract_states(history, as_of, rows.select(["customer_id", "state"]), rule)
        rows = rows.set_column(rows.column_names.index("state"), "state", states)
    return _shaped(rows, features, kept, given, ["customer_id", "state"])


def _big_snapshot(history: History, features: Catalog, before: datetime, moment: Moment, active_from: int) -> pa.Table:
    compiled, connection = features.plan, history.connection
    prepare(connection, moment.turn_us, before)
    streams = _streams(history, compiled)
    for stream in streams:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW rows_{stream.name} AS {stream.rows}")
    _merge(connection, compiled, streams, "rows", [Cutoff(moment.day, active_from)])
    return connection.sql(f"FROM ({compiled.finish}) ORDER BY customer_id").to_arrow_table()


def training_rows(  # noqa: PLR0913 - each names one bound of what may be read
    history: History,
    target: str,
    cutoffs: Sequence[datetime],
    *,
    active: Span,
    horizon: Span,
    known_by: datetime,
    features: Catalog | None = None,
) -> pa.Table:
    """Return the eligible customers at each cutoff: customer_id, cutoff, label (1: the outcome came), features.

    Only what was known before ``known_by`` is read, outcomes included; a cutoff whose horizon ends later is refused.
    """
    question = Question(target, cutoffs, active, horizon, known_by)
    return pa.concat_tables(training_parts(history, question, features or catalog()))


def write_training_rows(history: History, question: Question, out: Path, features: Catalog | None = None) -> int:
    """Write the training rows to a Parquet file, some cutoffs at a time; return how many rows there are."""
    written, writer = 0, None
    for part in training_parts(history, question, features or catalog()):
        writer = writer or pq.ParquetWriter(out, part.schema)
        writer.write_table(part)
        written += len(part)
    if writer:
        writer.close()
    return written


def training_parts(history: History, question: Question, features: Catalog) -> Iterator[pa.Table]:
    """Yield the training rows in the order of the cutoffs, as many cutoffs at a time as memory allows."""
    compiled, connection = features.plan, history.connection
    # Every cutoff once, or its events would count twice.
    cutoffs = opened(history, replace(question, cutoffs=tuple(dict.fromkeys(question.cutoffs))))
    streams = _streams(history, compiled)
    most = _bucket(connection, streams, [cutoff.day for cutoff in cutoffs])
    together = max(1, ROWS_AT_ONCE // max(1, most))
    for first in range(0, len(cutoffs), together):
        _merge(connection, compiled, streams, "buckets", cutoffs[first : first + together])
        rows = connection.sql(_labelled(compiled, question, history.settings)).to_arrow_table()
        given = _of_customers(
            history,
            features,
            rows.select(["customer_id", "cutoff"]),
            lambda: connection.sql(_people_sql(compiled)).to_arrow_table(),
            frozenset(history.present),
        )
        yield _shaped(rows, features, frozenset(history.present), given, ["customer_id", "cutoff", "label"])


@cache
def array_plan(features: Catalog) -> ArrayPlan:
    """Compile a catalog for arrays, once in a process."""
    return ArrayPlan(features.plan)


def _streams(history: History, compiled: Plan) -> list[StreamPlan]:
    """Return the streams that can have rows, and say once for all cutoffs that the others have none."""
    filled = [name for name, rows in history.rows.items() if rows]
    live = [stream for stream in compiled.streams if stream.can_have_rows(filled)]
    for stream in compiled.streams:
        if stream not in live:
            history.connection.execute(f"DROP TABLE IF EXISTS temp.merged_{stream.name}")
            history.connection.execute(f"CREATE TEMP TABLE merged_{stream.name} AS {stream.nobody}")
    return live


def _bucket(connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamPlan], cutoffs: list[int]) -> int:
    """Cut each stream at every window edge of every cutoff; return the rows of the largest."""
    most = 0
    for stream in streams:
        edges = sorted({day - edge for day in cutoffs for edge in stream.edges})
        spans = ", ".join(f"({first}, {last})" for first, last in pairwise(edges)) or "(0, 0)"
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE days AS SELECT UNNEST(range(first, last))::INTEGER AS on, "
            f"first::INTEGER AS first FROM (VALUES {spans}) AS span(first, last)"
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW rows_{stream.name} AS FROM ({stream.rows}) WHERE day < {max(cutoffs)}"
        )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE buckets_{stream.name} AS {stream.buckets}")
        most = max(most, connection.execute(f"SELECT count(*) FROM buckets_{stream.name}").fetchall()[0][0])
    return most


def _merge(
    connection: duckdb.DuckDBPyConnection,
    compiled: Plan,
    streams: Sequence[StreamPlan],
    source: str,
    cutoffs: Sequence[Cutoff],
) -> None:
    """Merge each stream's partials over what is before each cutoff: the only place where past and future part."""
    moments = ", ".join(f"({cutoff.day}, {cutoff.active_from}, {cutoff.branch})" for cutoff in cutoffs)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE moments AS SELECT cutoff::INTEGER AS cutoff, "
        "active_from::INTEGER AS active_from, own::INTEGER AS own "
        f"FROM (VALUES {moments}) AS moment(cutoff, active_from, own)"
    )
    for stream in streams:
        past = (
            f"SELECT past.*, cutoff FROM {source}_{stream.name} AS past JOIN moments ON day < cutoff "
            f"WHERE branch IN ({KEPT}, own)"
        )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW past_{stream.name} AS {past}")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE merged_{stream.name} AS {stream.merge}")
    known = " UNION ".join(f"SELECT customer_id, cutoff FROM merged_{stream.name}" for stream in compiled.streams)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE people AS SELECT customer_id, cutoff, active_from "
        f"FROM ({known}) JOIN moments USING (cutoff) WHERE customer_id IS NOT NULL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW gathered AS {compiled.gather}")


def _labelled(compiled: Plan, question: Question, settings: Settings) -> str:
    came = "outcomes.customer_id IS NOT NULL"
    label = f"NOT ({came})" if question.target == "churn" else came
    eligible = f"state = '{TARGETS[question.target].eligible}'"
    if question.contracts_of(settings):
        eligible = "(done.customer_id, done.cutoff) IN (SELECT (customer_id, day) FROM expiring)"
    return (
        f"SELECT done.* EXCLUDE (cutoff), cutoffs.cutoff, ({label})::TINYINT AS label FROM ({compiled.finish}) AS done "
        "JOIN cutoffs ON done.cutoff = cutoffs.day LEFT JOIN outcomes "
        "ON outcomes.customer_id = done.customer_id AND outcomes.day = done.cutoff "
        f"WHERE {eligible} ORDER BY cutoffs.cutoff, done.customer_id"
    )


def _of_customers(
    history: History, features: Catalog, asked: pa.Table, people: Callable[[], pa.Table], kept: Collection[str]
) -> dict[str, pa.ChunkedArray]:
    """Return what is told by the table of customers itself: fixed attributes, and the tree among ``people``."""
    columns = attribute_columns(history, features, asked)
    if any(feature.relatives for feature in features.features):
        columns |= kin_columns(history.connection, asked, people(), kept)
    return columns


def _beside(one: pa.Table, other: pa.Table) -> pa.Table:
    return pa.table({name: table[name] for table in (one, other) for name in table.column_names})


def _people_sql(compiled: Plan) -> str:
    told = ", ".join(f"done.{name}" for name in READ)
    return (
        f"SELECT done.customer_id, cutoffs.cutoff, {told} FROM ({compiled.finish}) AS done "
        "JOIN cutoffs ON done.cutoff = cutoffs.day"
    )


def _shaped(
    rows: pa.Table, features: Catalog, kept: frozenset[str], given: Mapping[str, pa.ChunkedArray], first: list[str]
) -> pa.Table:
    """Order the columns, add those that are given, and empty the features whose tables the company does not keep."""
    columns = {name: rows[name] for name in first}
    for feature in features.features:
        if feature.measure is None:
            columns[feature.name] = given[feature.name]
        elif measurable(feature.measure, kept):
            columns[feature.name] = rows[feature.name]
        else:
            columns[feature.name] = pa.nulls(len(rows), pa.float64())
    return pa.table(columns)

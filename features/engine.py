"""Run a plan on a history: at one cutoff for scoring, at many for training. Both give the same cells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise

import duckdb
import pyarrow as pa

from features.catalog import Catalog, catalog
from features.plan import Plan, StreamPlan, plan
from features.sources import KEPT, Moment, attribute_columns, branch, one_turn, prepare
from features.streams import measurable
from features.targets import STATE_MEASURES, TARGETS, outcome_sql, state
from history import History
from history.errors import SettingsError
from history.spans import Span


def snapshot(
    history: History,
    as_of: datetime,
    features: Catalog | None = None,
    *,
    active: Span,
    present: Collection[str] | None = None,
) -> pa.Table:
    """Return one row for every customer known at ``as_of``: customer_id, state, then the catalog's features.

    Numbers are float64 and null where nothing can be said; names are strings. ``present`` names the tables that the
    company keeps (by default those of this history): features of other tables are null, not 0.
    """
    features = features or catalog()
    compiled = compiled_plan(features)
    moment = Moment.of(as_of, history.settings.zone)
    connection = history.connection
    prepare(connection, moment.turn_us, moment.day)
    streams = _streams(history, compiled)
    for stream in streams:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW rows_{stream.name} AS {stream.rows}")
    _merge_at(connection, streams, moment.day, KEPT, "rows")
    _people(connection, compiled, moment.day, moment.day_of(active.before(as_of), history.settings.zone))
    rows = connection.sql(compiled.finish).to_arrow_table()
    return _shaped(rows, features, history, present, ["customer_id", "state"])


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

    Only what was known before ``known_by`` is read, outcomes included; a cutoff whose horizon ends after it is refused.
    """
    features = features or catalog()
    zone = history.settings.zone
    _check_horizons(cutoffs, horizon, known_by)
    moments = [Moment.of(cutoff, zone) for cutoff in cutoffs]
    turn = one_turn(moments)
    connection, compiled = history.connection, compiled_plan(features)
    end = Moment.of(known_by, zone)
    prepare(connection, turn, Moment(0, turn).day_of(known_by, zone) + (end.turn_us > turn))
    outcomes = [
        outcome_sql(target, moment.day, moment.day_of(horizon.after(cutoff), zone))
        for moment, cutoff in zip(moments, cutoffs, strict=True)
    ]
    for index, sql in enumerate(outcomes):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE outcome_{index} AS SELECT DISTINCT customer_id FROM ({sql})")
    branch(connection, [moment.day for moment in moments], list(history.present))
    streams = _streams(history, compiled)
    _bucket(connection, streams, [moment.day for moment in moments])
    parts = []
    for index, (cutoff, moment) in enumerate(zip(cutoffs, moments, strict=True)):
        _merge_at(connection, streams, moment.day, index, "buckets")
        _people(connection, compiled, moment.day, moment.day_of(active.before(cutoff), zone))
        parts.append(connection.sql(_labelled(compiled, target, index, cutoff)).to_arrow_table())
    return _shaped(pa.concat_tables(parts), features, history, None, ["customer_id", "cutoff", "label"])


@cache
def compiled_plan(features: Catalog) -> Plan:
    """Compile a catalog with the states, once in a process."""
    measures = {feature.name: feature.measure for feature in features.features if feature.measure is not None}
    return plan(measures | dict(STATE_MEASURES), state)


def _check_horizons(cutoffs: Sequence[datetime], horizon: Span, known_by: datetime) -> None:
    for cutoff in cutoffs:
        if horizon.after(cutoff) > known_by:
            raise SettingsError(
                f"The outcome at cutoff {cutoff:%Y-%m-%d} needs events until {horizon.after(cutoff):%Y-%m-%d}, but only "
                f"what was known by {known_by:%Y-%m-%d} may be used. Use an earlier cutoff or a shorter horizon."
            )


def _streams(history: History, compiled: Plan) -> list[StreamPlan]:
    """Return the streams that can have rows, and say once for all cutoffs that the others have none."""
    filled = [name for name, rows in history.rows.items() if rows]
    live = [stream for stream in compiled.streams if stream.can_have_rows(filled)]
    for stream in compiled.streams:
        if stream not in live:
            history.connection.execute(f"CREATE OR REPLACE TEMP VIEW merged_{stream.name} AS {stream.nobody}")
    return live


def _bucket(connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamPlan], cutoffs: list[int]) -> None:
    for stream in streams:
        edges = sorted({day - edge for day in cutoffs for edge in stream.edges})
        spans = ", ".join(f"({first}, {last})" for first, last in pairwise(edges)) or "(0, 0)"
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE days AS SELECT UNNEST(range(first, last))::INTEGER AS on, first::INTEGER AS first "
            f"FROM (VALUES {spans}) AS span(first, last)"
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW rows_{stream.name} AS SELECT * FROM ({stream.rows}) WHERE day < {max(cutoffs)}"
        )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE buckets_{stream.name} AS {stream.buckets}")


def _merge_at(
    connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamPlan], cutoff: int, branch_index: int, source: str
) -> None:
    """Merge each stream's partials over what is before the cutoff: the only place where past and future part."""
    for stream in streams:
        past = (
            f"SELECT *, {cutoff}::INTEGER AS cutoff FROM {source}_{stream.name} "
            f"WHERE day < {cutoff} AND branch IN ({KEPT}, {branch_index})"
        )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW past_{stream.name} AS {past}")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE merged_{stream.name} AS {stream.merge}")


def _people(connection: duckdb.DuckDBPyConnection, compiled: Plan, cutoff: int, active_from: int) -> None:
    known = " UNION ".join(f"SELECT customer_id FROM merged_{stream.name}" for stream in compiled.streams)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE people AS SELECT customer_id, {cutoff}::INTEGER AS cutoff, "
        f"{active_from}::INTEGER AS active_from FROM ({known}) WHERE customer_id IS NOT NULL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW gathered AS {compiled.gather}")


def _labelled(compiled: Plan, target: str, index: int, cutoff: datetime) -> str:
    came = f"customer_id IN (SELECT customer_id FROM outcome_{index})"
    label = f"NOT {came}" if target == "churn" else came
    return (
        f"SELECT * EXCLUDE (cutoff), TIMESTAMP '{cutoff:%Y-%m-%d %H:%M:%S.%f}' AS cutoff, ({label})::TINYINT AS label "
        f"FROM ({compiled.finish}) WHERE state = '{TARGETS[target].eligible}' ORDER BY customer_id"
    )


def _shaped(
    rows: pa.Table, features: Catalog, history: History, present: Collection[str] | None, first: list[str]
) -> pa.Table:
    """Order the columns, add attributes, and empty the features whose tables the company does not keep."""
    kept = frozenset(history.present if present is None else present)
    attributes = attribute_columns(history.connection, features, rows["customer_id"])
    columns = {name: rows[name] for name in first}
    for feature in features.features:
        if feature.measure is None:
            columns[feature.name] = attributes[feature.name]
        elif measurable(feature.measure, kept):
            columns[feature.name] = rows[feature.name]
        else:
            columns[feature.name] = pa.nulls(len(rows), pa.float64())
    return pa.table(columns)

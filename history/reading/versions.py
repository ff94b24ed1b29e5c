"""Versions of rows: what a row was at any moment, from a history of change.

Every table of customers has a table macro, ``opportunities_versions()``: its rows with ``known_until``. A row whose
past is known stands there once for each version: from ``recorded_at`` on and until ``known_until`` it was as it stands,
and belonged to that customer.
Readers as of a cutoff read the macro, so that a value written later is never seen; without a history of change the
macro yields the table as it is. It is expanded where it is used, so that tables which shadow the history's own are
honoured.
"""

from collections.abc import Collection, Sequence

import duckdb

from rapport.history.contract import FEATURE_TABLES, RECORDED_AT, Column, Table, columns_of
from rapport.history.reading.merges import has_merges, merged_versions_sql
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

UNTIL = "known_until"
VALID_FROM, VALID_TO = "valid_from", "valid_to"
VERSION_COLUMNS = {
    VALID_FROM: Column(VALID_FROM, "time", LocalizedText("from when on the row was so", "生效时间"), required=True),
    VALID_TO: Column(VALID_TO, "time", LocalizedText("until when; empty while it is so", "失效时间"), planned=True),
}
"""The columns of a table that keeps every version of its rows: dbt snapshots, history mode of Fivetran."""
STAGE_SINCE = "stage_since"
VERSIONED: tuple[Table, ...] = tuple(table for table in FEATURE_TABLES if table.key is not None)


def versions_of(table: Table, *, dated: bool = False) -> str:
    """Return the SQL relation of a table's versions; the table itself if its rows have none.

    ``dated``: a state without a history, of a row without the time of its recording, is null in every version: nobody
    knows since when it holds.
    """
    return f"{table.name}_versions({'dated := true' if dated else ''})" if table in FEATURE_TABLES else table.name


def in_force_sql(table: Table, as_of: str) -> str:
    """Return the SQL condition that a version was not followed by another before the moment."""
    return f"({UNTIL} IS NULL OR {UNTIL} >= {as_of})" if table in FEATURE_TABLES else "true"


def single_versions_sql(table: Table) -> str:
    """Return the SQL of the macro of a table without a history of change."""
    return _macro(table, _as_it_is(table))


def _as_it_is(table: Table) -> str:
    stage = f", recorded_at AS {STAGE_SINCE}" if table.name == "opportunities" else ""
    return f"SELECT *, CAST(NULL AS TIMESTAMP) AS {UNTIL}{stage} FROM {table.name}"


def past_name(table: Table) -> str:
    """Return the name of the stored past of a table: one row a version, each value as a list of one."""
    return f"reading.{quoted(f'{table.name} past')}"


def store_past(
    table: Table, edges: str, tracked: Sequence[str], connection: duckdb.DuckDBPyConnection, until: str | None = None
) -> None:
    """Store the versions of a table's rows.

    ``edges`` is SQL with record_id and known_from, and for each tracked column the lists ``new`` (its value from then
    on) and ``old`` (its value until then); null where nothing changed. ``until`` is its column with the end of a
    version; without one a version lasts until the next.
    """
    ordered = "PARTITION BY record_id ORDER BY known_from NULLS FIRST"
    end = f"{until or f'lead(known_from) OVER ({ordered})'} AS {UNTIL}"
    values = [_value(name, ordered) for name in tracked]
    filled = f"SELECT record_id, known_from, {', '.join([end, *values])} FROM ({edges})"
    if "stage" in tracked:
        before = f"lag(stage) OVER ({ordered})"
        moved = f"SELECT *, CASE WHEN stage IS DISTINCT FROM {before} THEN known_from END AS moved_at FROM ({filled})"
        filled = f"SELECT * EXCLUDE (moved_at), max(moved_at) OVER ({ordered}) AS {STAGE_SINCE} FROM ({moved})"
    connection.execute(f"CREATE OR REPLACE TABLE {past_name(table)} AS {filled}")


def show_versions(table: Table, tracked: Sequence[str], connection: duckdb.DuckDBPyConnection) -> None:
    """Let the macro of a table yield the stored versions, under the customer of each time."""
    sql = _versions_sql(table, tracked, connection) if tracked else _as_it_is(table)
    connection.execute(_macro(table, merged_versions_sql(table, sql) if has_merges(connection) else sql))


def _value(name: str, ordered: str) -> str:
    new, old = quoted(f"new {name}"), quoted(f"old {name}")
    latest = f"last_value({new} IGNORE NULLS) OVER ({ordered})"
    following = f"first_value({old} IGNORE NULLS) OVER ({ordered} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
    # Before the first of its changes a value is unknown, unless the change says what it was.
    changes = f"CASE WHEN count({new}) OVER (PARTITION BY record_id) > 0 THEN [NULL] END"
    return f"coalesce({latest}, {following}, {changes}) AS {quoted(name)}"


def _versions_sql(table: Table, tracked: Collection[str], connection: duckdb.DuckDBPyConnection) -> str:
    own_names = [row[0] for row in connection.execute(f"DESCRIBE {quoted(table.name)}").fetchall()]
    known_from = (
        f"CASE WHEN past.record_id IS NULL THEN coalesce(own.recorded_at, own.{table.time}) ELSE known_from END"
    )
    replaced = [_tracked_value(quoted(name)) for name in tracked if name in own_names]
    replaced += [_state(column) for column in table.columns if column.name not in tracked and _is_state(column)]
    replaced.append(f"{known_from} AS recorded_at")
    stage = ""
    if table.name == "opportunities":
        since = f"past.{STAGE_SINCE}" if "stage" in tracked else "NULL"
        stage = f", coalesce({since}, own.recorded_at) AS {STAGE_SINCE}"
    return (
        f"SELECT own.* REPLACE ({', '.join(replaced)}), past.{UNTIL}{stage} FROM {table.name} AS own "
        f"LEFT JOIN {past_name(table)} AS past ON past.record_id = own.{table.key}"
    )


def _tracked_value(name: str) -> str:
    return f"CASE WHEN past.{name} IS NULL THEN own.{name} ELSE past.{name}[1] END AS {name}"


def _state(column: Column) -> str:
    """Return the SQL of a state without a history: it is known from when its row was recorded."""
    is_known = "own.recorded_at <= CASE WHEN past.record_id IS NULL THEN own.recorded_at ELSE known_from END"
    shown = f"{is_known} OR (NOT dated AND own.recorded_at IS NULL)"
    return f"CASE WHEN {shown} THEN own.{quoted(column.name)} END AS {quoted(column.name)}"


def _is_state(column: Column) -> bool:
    return column.later == RECORDED_AT.name


def trackable(table: Table) -> list[Column]:
    """Return the columns of a table whose values may have a history."""
    return [column for column in columns_of(table) if column.name not in (table.key, table.time, RECORDED_AT.name)]


def columns_of_versions(table: Table) -> list[str]:
    """Return the columns that a table with every version of its rows has a history of."""
    return [name for name in table.names if name not in (table.key, RECORDED_AT.name)]


def _macro(table: Table, sql: str) -> str:
    return f"CREATE OR REPLACE MACRO {table.name}_versions(dated := false) AS TABLE {sql}"

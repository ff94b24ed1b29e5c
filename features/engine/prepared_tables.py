"""The point-in-time filter in SQL: contract tables as views with days, fixed-point numbers and no later rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb

from rapport.features.engine.clock import DAY_US, EPOCH
from rapport.features.measures import FIXED_POINT_SCALE
from rapport.history.contract import FEATURE_TABLES, RECORDED_AT, Column, Table
from rapport.history.reading.versions import UNTIL, in_force_sql, versions_of


def prepared_name(table: str) -> str:
    """Return the name of the prepared table of a contract table."""
    return f"src_{table}"


PREPARED_TABLES = {prepared_name(table.name): table for table in FEATURE_TABLES}
"""The contract tables by the names of their prepared tables."""


def prepared_schema(table: Table) -> dict[str, str]:
    """Return the columns of a prepared table and their types."""
    columns = {
        "customer_id": "string",
        "day": "int32",
        "known_day": "int32",
        "until_day": "int32",
        "second": "int64",
    }
    for column in table.columns:
        columns |= {
            "id": {column.name: "string"},
            "text": {column.name: "string"},
            "flag": {column.name: "boolean"},
            "number": {column.name: "int64"},
            "time": {f"{column.name}_day": "int32", f"{column.name}_us": "int64"},
        }[column.kind]
    return columns


def day_sql(time: str, day_start_us: int) -> str:
    """Return SQL for the day of a time; correct before 1970 too, where integer division would round upwards."""
    return f"CAST((epoch_us({time}) - {day_start_us} + 100000 * {DAY_US}) // {DAY_US} - 100000 AS INTEGER)"


def column_sql(column: Column, day_start_us: int) -> str:
    """Return SQL for one column of a prepared table."""
    name = column.name
    if column.kind == "time":
        return f"{day_sql(name, day_start_us)} AS {name}_day, epoch_us({name}) AS {name}_us"
    value = f"TRY_CAST(ROUND({name} * {FIXED_POINT_SCALE}) AS BIGINT)" if column.kind == "number" else name
    if column.later == RECORDED_AT.name:
        # A state that is overwritten: without the time of writing it is unknown since when it holds.
        value = f"CASE WHEN recorded_at IS NOT NULL THEN {value} END"
    return f"{value} AS {name}"


def prepared_sql(table: Table, day_start_us: int, before: datetime, *, every_version: bool = False) -> str:
    """Return SQL for a prepared table: the rows that happened and were recorded before the instant ``before``.

    Of the versions of a row it has the one that was in force then, or ``every_version`` with the day on which it ended.
    """
    own, known = day_sql(table.time, day_start_us), day_sql("recorded_at", day_start_us)
    until = day_sql(UNTIL, day_start_us)
    in_force = "true" if every_version else in_force_sql(table, f"TIMESTAMP '{before.isoformat()}'")
    columns = ", ".join(column_sql(column, day_start_us) for column in table.columns if column.name != "customer_id")
    return (
        f"SELECT * FROM (SELECT customer_id, COALESCE({own}, {known}) AS day, "
        f"COALESCE(GREATEST({own}, {known}), {own}, {known}) AS known_day, {until} AS until_day, "
        f"epoch_us(COALESCE({table.time}, recorded_at)) // 1000000 AS second, {table.time} AS happened, {columns} "
        f"FROM {versions_of(table, dated=True)} "
        f"WHERE {_known_before_sql(table, before)} AND {in_force})"
    )


def _known_before_sql(table: Table, before: datetime) -> str:
    times = dict.fromkeys((table.time, "recorded_at"))
    return " AND ".join(f"({time} < TIMESTAMP '{before.isoformat()}' OR {time} IS NULL)" for time in times)


def day_range_sql(table: Table, first: int | None, end: int | None) -> str:
    """Return a SQL condition that all rows of the days ``[first, end)`` meet, for skipping parts of files."""
    if not table.column(table.time).required:
        return "true"
    # A day may begin at any time of the calendar day of the same number.
    begin = f"happened >= {_timestamp_sql(first)}" if first is not None else "true"
    return f"{begin} AND happened < {_timestamp_sql(end + 1)}" if end is not None else begin


def _timestamp_sql(day: int) -> str:
    return f"TIMESTAMP '{(EPOCH + timedelta(days=day)).isoformat()}'"


def create_prepared_views(
    connection: duckdb.DuckDBPyConnection, day_start_us: int, before: datetime, *, every_version: bool = False
) -> None:
    """Create the prepared tables as views of what was known before the local time ``before``.

    In the views a customer is a number, in order of the ids; the table ``numbered`` maps ids to numbers. Integers sort
    at half the cost of strings.
    """
    ids = " UNION ".join(
        f"SELECT customer_id FROM {versions_of(table)} WHERE {_known_before_sql(table, before)}"
        for table in FEATURE_TABLES
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT customer_id, "
        f"(row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS number FROM ({ids})"
    )
    for table in FEATURE_TABLES:
        prepared = prepared_sql(table, day_start_us, before, every_version=every_version)
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {prepared_name(table.name)} AS SELECT own.* REPLACE (number AS customer_id) "
            f"FROM ({prepared}) AS own JOIN numbered USING (customer_id)"
        )


def prepared_arrays(
    connection: duckdb.DuckDBPyConnection, table: Table, day_start_us: int, before: datetime
) -> dict[str, Any]:
    """Return a prepared table as NumPy arrays by column, masked where null."""
    arrays: dict[str, Any] = connection.execute(prepared_sql(table, day_start_us, before)).fetchnumpy()
    return arrays

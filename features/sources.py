"""The door of the past: contract tables made ready for the streams, with days, ticks and what was known when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import ibis
import pyarrow as pa
from rapport.features.kin import PARENT
from rapport.features.measures import TICKS
from rapport.history.contract import RECORDED_AT, TABLES, Column, Table

from rapport.errors import SettingsError

if TYPE_CHECKING:
    from rapport.features.catalog import Catalog
    from rapport.history import History

DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the company's own clock, see Moment
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Moment:
    """A cutoff on the company's clock: the day it begins and the time of day at which days turn over (µs)."""

    day: int
    turn_us: int

    @classmethod
    def of(cls, when: datetime, zone: str) -> Moment:
        """Place ``when`` on the clock of ``zone``."""
        since = on_clock(when, zone) - EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return cls(microseconds // DAY_US, microseconds % DAY_US)

    def day_of(self, when: datetime, zone: str) -> int:
        """Return the day of another moment, counted in days that turn over with this one."""
        other = Moment.of(when, zone)
        return other.day - (other.turn_us < self.turn_us)


def on_clock(when: datetime, zone: str) -> datetime:
    """Return what the clock of ``zone`` showed; a time without a zone is taken to be there already."""
    return when.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if when.tzinfo else when


def one_turn(moments: Sequence[Moment]) -> int:
    """Return the time of day shared by all cutoffs (µs)."""
    turns = {moment.turn_us for moment in moments}
    if len(turns) > 1:
        raise SettingsError(
            "The cutoffs fall on different times of day. Give all cutoffs the same time of day, such as midnight."
        )
    return turns.pop()


def source_of(table: str) -> str:
    """Name the prepared table of a table of the contract."""
    return f"src_{table}"


PREPARED = {source_of(table.name): table for table in TABLES}
"""The tables of the contract by the names of their prepared ones."""


def schema(table: Table) -> dict[str, str]:
    """Return the columns of a prepared table and their Ibis types."""
    columns = {
        "customer_id": "string",
        "day": "int32",
        "known_day": "int32",
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


def unbound() -> dict[str, ibis.Table]:
    """Return the prepared tables as Ibis tables without data, for compiling."""
    return {table.name: ibis.table(schema(table), name=source_of(table.name)) for table in TABLES}


def day_sql(time: str, turn_us: int) -> str:
    """Return SQL for the day of a time; correct before 1970 too, where integer division would round upwards."""
    return f"CAST((epoch_us({time}) - {turn_us} + 100000 * {DAY_US}) // {DAY_US} - 100000 AS INTEGER)"


def column_sql(column: Column, turn_us: int) -> str:
    """Return SQL for one column of a prepared table."""
    name = column.name
    if column.kind == "time":
        return f"{day_sql(name, turn_us)} AS {name}_day, epoch_us({name}) AS {name}_us"
    value = f"TRY_CAST(ROUND({name} * {TICKS}) AS BIGINT)" if column.kind == "number" else name
    if column.later == RECORDED_AT.name:
        # A state that is overwritten: without the time of writing nobody can say since when it holds.
        value = f"CASE WHEN recorded_at IS NOT NULL THEN {value} END"
    return f"{value} AS {name}"


def prepared_sql(table: Table, turn_us: int, before: datetime) -> str:
    """Return SQL for a prepared table: the rows that happened and were known before the instant ``before``."""
    own, known = day_sql(table.time, turn_us), day_sql("recorded_at", turn_us)
    columns = ", ".join(column_sql(column, turn_us) for column in table.columns if column.name != "customer_id")
    return (
        f"SELECT * FROM (SELECT customer_id, COALESCE({own}, {known}) AS day, "
        f"COALESCE(GREATEST({own}, {known}), {own}, {known}) AS known_day, "
        f"epoch_us(COALESCE({table.time}, recorded_at)) // 1000000 AS second, {table.time} AS happened, {columns} "
        f"FROM {table.name} "
        f"WHERE {_known_before(table, before)})"
    )


def _known_before(table: Table, before: datetime) -> str:
    times = dict.fromkeys((table.time, "recorded_at"))
    return " AND ".join(f"({time} < TIMESTAMP '{before.isoformat()}' OR {time} IS NULL)" for time in times)


def around(table: Table, first: int | None, end: int | None) -> str:
    """Return SQL that holds of all rows of the days ``[first, end)``, and which files can skip rows by."""
    if not table.column(table.time).required:
        return "true"
    # Days turn over at some time of the calendar's day of the same number.
    begin = f"happened >= {_instant(first)}" if first is not None else "true"
    return f"{begin} AND happened < {_instant(end + 1)}" if end is not None else begin


def _instant(day: int) -> str:
    return f"TIMESTAMP '{(EPOCH + timedelta(days=day)).isoformat()}'"


def prepare(connection: duckdb.DuckDBPyConnection, turn_us: int, before: datetime) -> None:
    """Create the prepared tables as views that see nothing from the instant ``before`` (on the company's clock) on.

    In them a customer is a number, in order of the ids; ``numbered`` says which. Whole numbers are sorted at half the
    cost of names.
    """
    named = " UNION ".join(
        f"SELECT customer_id FROM {table.name} WHERE {_known_before(table, before)}" for table in TABLES
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE numbered AS SELECT customer_id, "
        f"(row_number() OVER (ORDER BY customer_id) - 1)::INTEGER AS number FROM ({named})"
    )
    for table in TABLES:
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {source_of(table.name)} AS SELECT own.* REPLACE (number AS customer_id) "
            f"FROM ({prepared_sql(table, turn_us, before)}) AS own JOIN numbered USING (customer_id)"
        )


def prepared_arrays(
    connection: duckdb.DuckDBPyConnection, table: Table, turn_us: int, before: datetime
) -> dict[str, Any]:
    """Return a prepared table as NumPy arrays by column, masked where null."""
    found: dict[str, Any] = connection.execute(prepared_sql(table, turn_us, before)).fetchnumpy()
    return found


def attribute_columns(history: History, features: Catalog, asked: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return the columns of the fixed attributes for the customers ``asked`` (customer_id, cutoff), in their order.

    They never change, but are not known before the customer's own row is.
    """
    chosen = [feature for feature in features.features if feature.is_attribute]
    if not chosen:
        return {}
    connection = history.connection
    known = {row[0] for row in connection.execute("DESCRIBE customers").fetchall()}
    kinds = {feature.name: "VARCHAR" if feature.is_category else "DOUBLE" for feature in chosen}
    columns = ", ".join(
        f'TRY_CAST("{column}" AS {kinds[name]}) AS {name}' if column in known else f"NULL::{kinds[name]} AS {name}"
        for name, column in zip(kinds, (name for name in features.vocabulary.attributes if name != PARENT), strict=True)
    )
    connection.register("asked", asked.append_column("place", pa.array(range(len(asked)), pa.int64())))
    try:
        own = f"(SELECT customer_id, {columns}, created_at, recorded_at FROM customers) AS own"
        seen = " AND ".join(
            f"(own.{time} IS NULL OR own.{time} < asked.cutoff)" for time in ("created_at", "recorded_at")
        )
        sql = (
            f"SELECT {', '.join(f'own.{name}' for name in kinds)} FROM asked LEFT JOIN {own} "
            f"ON own.customer_id = asked.customer_id AND {seen} ORDER BY place"
        )
        rows = connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("asked")
    return {name: rows[name] for name in kinds}

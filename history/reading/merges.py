"""Accounts that were merged: a row belongs to the old customer until the merge, and to the new one from then on.

``orders`` and the other tables show the customer of today; ``written_customer_id`` keeps the id that the source has.
Readers as of a cutoff read the versions of rows: a merge is a fact of its own day, which no cutoff before it sees.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.history.contract import RECORDED_AT, Table

WRITTEN_ID = "written_customer_id"
"""The column with the id that the source has, where accounts were merged."""
IDENTITIES, SURVIVORS = "reading.identities", "reading.survivors"
_SCHEMA = {"written": pa.string(), "known_as": pa.string(), "since": pa.timestamp("us"), "until": pa.timestamp("us")}
_Merge = tuple[str, datetime]


def store_identities(connection: duckdb.DuckDBPyConnection) -> None:
    """Store under which id each merged customer was known at which time."""
    effective = "greatest(merged_at, recorded_at)"
    found = connection.execute(f"SELECT customer_id, merged_into, {effective} FROM merges ORDER BY 1").fetchall()
    merges: dict[str, _Merge] = {old: (new, since) for old, new, since in found if old != new}
    rows = [row for old in merges for row in _identities(old, merges)]
    columns = {name: pa.array(each, kind) for (name, kind), each in zip(_SCHEMA.items(), _columns(rows), strict=True)}
    connection.register("found identities", pa.table(columns))
    connection.execute(f'CREATE OR REPLACE TABLE {IDENTITIES} AS FROM "found identities"')
    connection.execute(f"CREATE OR REPLACE TABLE {SURVIVORS} AS FROM {IDENTITIES} WHERE until IS NULL")
    connection.unregister("found identities")


def has_merges(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the history that was read has merged customers."""
    sql = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'reading' AND table_name = 'identities'"
    return bool(connection.execute(sql).fetchall()[0][0])


def merged_versions_sql(table: Table, versions: str) -> str:
    """Return the SQL of a table's versions, each under the id by which its customer was known then."""
    until = "least(own.known_until, identity.until) AS known_until"
    if table.name == "customers":
        joined = f"LEFT JOIN {IDENTITIES} AS identity ON written = own.customer_id AND since IS NULL"
        return f"SELECT own.* REPLACE ({until}) FROM ({versions}) AS own {joined}"
    known = f"greatest(own.{table.time}, own.recorded_at)"
    states = [column.name for column in table.columns if column.later == RECORDED_AT.name]
    # A state without the time of its recording does not get one from the merge.
    shown = [
        f"CASE WHEN since IS NULL OR own.recorded_at IS NOT NULL OR NOT dated THEN own.{name} END AS {name}"
        for name in states
    ]
    replaced = ", ".join(
        [
            "coalesce(known_as, own.customer_id) AS customer_id",
            f"CASE WHEN since IS NULL THEN own.recorded_at ELSE greatest(since, {known}) END AS recorded_at",
            until,
            *shown,
        ]
    )
    # The day of a row that has no other time than its recording must not become that of the merge.
    counts = f"since IS NULL OR {known} >= since" if table.time == RECORDED_AT.name else "true"
    return (
        f"SELECT own.* EXCLUDE ({WRITTEN_ID}) REPLACE ({replaced}) FROM ({versions}) AS own "
        f"LEFT JOIN {IDENTITIES} AS identity ON written = own.{WRITTEN_ID} WHERE {counts}"
    )


def present_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return the SQL relation of a table without the customers that are gone because they were merged into others."""
    if table.name != "customers" or not has_merges(connection):
        return table.name
    return f"(FROM customers ANTI JOIN {SURVIVORS} ON written = customer_id)"


def accounts_sql(known_by: datetime) -> str:
    """Return SQL for (member, account): all ids of each merged customer, as known before a local time."""
    moment = f"TIMESTAMP '{known_by.isoformat()}'"
    known = f"(since IS NULL OR since < {moment}) AND (until IS NULL OR until >= {moment})"
    merged = f"SELECT written, known_as FROM {IDENTITIES} WHERE {known} AND written <> known_as"
    return (
        f"SELECT written AS member, known_as AS account FROM ({merged}) UNION SELECT known_as, known_as FROM ({merged})"
    )


def _identities(old: str, merges: dict[str, _Merge]) -> list[tuple[str, str, datetime | None, datetime | None]]:
    """Return the ids by which a customer was known one after the other: its own, then those it was merged into."""
    rows: list[tuple[str, str, datetime | None, datetime | None]] = []
    current, since = old, None
    seen = {old}
    while current in merges:
        following, moment = merges[current]
        if following in seen:
            raise TableError(
                f"merges: {old} is merged into itself by way of {current}. Leave out the merge that was undone."
            )
        until = moment if since is None else max(since, moment)
        # Who is merged into a customer that is gone already is never known by its id.
        if since is None or until > since:
            rows.append((old, current, since, until))
        current, since = following, until
        seen.add(current)
    return [*rows, (old, current, since, None)]


def _columns(rows: list[tuple[str, str, datetime | None, datetime | None]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in _SCHEMA]

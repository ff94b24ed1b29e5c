"""Leaves forgotten customers out of a history that was read, in every table and as parents or referrers of others.

A row of a customer that was merged is left out if either its own id or the id of today is on the list.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rapport.history.reading.merges import WRITTEN_ID
from rapport.history.sql import quoted
from rapport.suppression import SuppressionList

if TYPE_CHECKING:
    from rapport.history.reading.history import History

_LINKS = ("parent_id", "referred_by")


def leave_out_suppressed(history: History, data_dir: Path) -> int:
    """Remove the customers of the suppression list from a history; return how many it had."""
    suppressed = SuppressionList(data_dir)
    if not suppressed.is_used:
        return 0
    connection, tables = history.connection, [name for name in history.loaded if "customer_id" in history.present[name]]
    ids = [(name, column) for name in tables for column in _id_columns(history, name)]
    union = " UNION ".join(f"SELECT {column} AS customer_id FROM {quoted(name)}" for name, column in ids)
    known = [row[0] for row in connection.execute(union or "SELECT '' WHERE false").fetchall() if row[0] is not None]
    found = suppressed.of(known)
    if not found:
        return 0
    connection.execute("CREATE OR REPLACE TABLE suppressed_customers (id VARCHAR)")
    connection.executemany("INSERT INTO suppressed_customers VALUES (?)", [[one] for one in found])
    for name in tables:
        _filter(history, name)
    return len(found)


def _id_columns(history: History, name: str) -> list[str]:
    columns = [row[0] for row in history.connection.execute(f"DESCRIBE {quoted(name)}").fetchall()]
    return [one for one in ("customer_id", WRITTEN_ID) if one in columns]


def _filter(history: History, name: str) -> None:
    connection = history.connection
    columns = [row[0] for row in connection.execute(f"DESCRIBE {quoted(name)}").fetchall()]
    shown = ", ".join(_unlinked(one) if one in _LINKS else quoted(one) for one in columns)
    kept = " AND ".join(f"{column} NOT IN (FROM suppressed_customers)" for column in _id_columns(history, name))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE kept_rows AS SELECT {shown} FROM {quoted(name)} WHERE {kept}")
    sql = "SELECT table_type FROM information_schema.tables WHERE table_name = ? AND table_schema = current_schema()"
    # fetchone() would keep the result open and the connection busy.
    kind = next(iter(connection.execute(sql, [name]).fetchall()), None)
    if kind and kind[0] == "VIEW":
        connection.execute(f"DROP VIEW {quoted(name)}")
    else:
        connection.execute(f"DROP TABLE {quoted(name)}")
    connection.execute(f"CREATE TABLE {quoted(name)} AS FROM kept_rows; DROP TABLE kept_rows")


def _unlinked(column: str) -> str:
    return f"CASE WHEN {column} IN (FROM suppressed_customers) THEN NULL ELSE {column} END AS {column}"

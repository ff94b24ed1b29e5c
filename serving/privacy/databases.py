"""Removes customers from the SQLite files of a data folder: their rows, what hangs on them, and ids in other texts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from rapport.serving.privacy.scrubber import Scrubber
from rapport.serving.sqlite_files import damaged_as_store_error

# Rows of these tables belong to a row of another table: table, column, parent table, column of the parent.
_CHILDREN = (
    ("task_log", "task_id", "tasks", "id"),
    ("deliveries", "id", "alerts", "id"),
    ("absorbed", "seq", "events", "seq"),
)

# Rows that a retention period ends, and the time from which it counts: an open task stays.
_DATED = {"feedback.db": ("feedback", "at"), "work.db": ("tasks", "finished_at"), "alerts.db": ("alerts", "as_of")}


def stores(data_dir: Path) -> list[Path]:
    """Return the SQLite files of a data folder."""
    return sorted(path for path in data_dir.glob("*.db") if not path.name.startswith("."))


def scrub_database(path: Path, scrubber: Scrubber) -> int:
    """Remove the customers from one file; return how many rows were deleted or changed."""
    with damaged_as_store_error(path.name), closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as store:
        # Deleted content is overwritten, also in pages that stay in the file.
        store.execute("PRAGMA secure_delete = ON")
        store.execute("BEGIN IMMEDIATE")
        tables = _text_columns(store)
        count = _delete(store, tables, scrubber) + sum(
            _clean(store, table, columns, scrubber) for table, columns in tables.items()
        )
        store.execute("COMMIT")
        if count:
            # The write-ahead log and free pages still hold the deleted rows.
            store.execute("VACUUM")
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def remove_rows_before(path: Path, oldest: str, *, dry_run: bool) -> int:
    """Remove the rows of one file from before an ISO day (with ``dry_run``, none); return how many there were."""
    if path.name not in _DATED:
        return 0
    table, column = _DATED[path.name]
    with damaged_as_store_error(path.name), closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as store:
        tables = _text_columns(store)
        if table not in tables:
            return 0
        old = f"{column} < ?"
        count: int = store.execute(f"SELECT count(*) FROM {table} WHERE {old}", (oldest,)).fetchone()[0]
        if count and not dry_run:
            store.execute("PRAGMA secure_delete = ON")
            store.execute("BEGIN IMMEDIATE")
            for child, reference, parent, key in _CHILDREN:
                if parent == table and child in tables:
                    within = f"SELECT {key} FROM {table} WHERE {old}"
                    store.execute(f"DELETE FROM {child} WHERE {reference} IN ({within})", (oldest,))
            store.execute(f"DELETE FROM {table} WHERE {old}", (oldest,))
            store.execute("COMMIT")
            store.execute("VACUUM")
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def _text_columns(store: sqlite3.Connection) -> dict[str, list[str]]:
    names = [
        row[0]
        for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    ]
    return {
        name: [
            row[1]
            for row in store.execute(f'PRAGMA table_info("{name}")')
            if not any(number in row[2].upper() for number in ("INT", "REAL", "FLOAT"))
        ]
        for name in names
    }


def _delete(store: sqlite3.Connection, tables: dict[str, list[str]], scrubber: Scrubber) -> int:
    store.execute("CREATE TEMP TABLE forgotten (id TEXT PRIMARY KEY)")
    store.executemany("INSERT INTO forgotten VALUES (?)", [(one,) for one in sorted(scrubber.ids)])
    theirs, count = "customer_id IN (SELECT id FROM forgotten)", 0
    for child, column, parent, key in _CHILDREN:
        if child in tables and parent in tables:
            sql = f"DELETE FROM {child} WHERE {column} IN (SELECT {key} FROM {parent} WHERE {theirs})"
            count += store.execute(sql).rowcount
    for name, columns in tables.items():
        if "customer_id" in columns:
            count += store.execute(f'DELETE FROM "{name}" WHERE {theirs}').rowcount
    return count


def _clean(store: sqlite3.Connection, table: str, columns: list[str], scrubber: Scrubber) -> int:
    """Remove the ids from the texts of other rows; a row of which nothing is left is deleted."""
    count = 0
    for column in columns:
        sql = (
            f'SELECT DISTINCT own."{column}" FROM "{table}" AS own, forgotten '
            f'WHERE own."{column}" IS NOT NULL AND instr(CAST(own."{column}" AS TEXT), forgotten.id) > 0'
        )
        for (value,) in store.execute(sql).fetchall():
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            cleaned = scrubber.stored_text(text)
            if cleaned == text:
                continue
            if cleaned is None:
                count += store.execute(f'DELETE FROM "{table}" WHERE "{column}" = ?', (value,)).rowcount
                continue
            new = cleaned.encode() if isinstance(value, bytes) else cleaned
            count += store.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" = ?', (new, value)).rowcount
    return count

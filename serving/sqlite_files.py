"""SQLite files of a data folder: readable by their owner only, opened for one transaction, damage named as such."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rapport.files import private_file
from rapport.serving.errors import StoreError


@contextmanager
def open_store(path: Path, schema: str, *, wal: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a file with its tables for one transaction, which an error rolls back; rows are read by column name."""
    private_file(path)
    with closing(sqlite3.connect(path, timeout=30)) as store:
        store.row_factory = sqlite3.Row
        if wal:
            store.execute("PRAGMA journal_mode = WAL")
        store.executescript(schema)
        with store:
            yield store


@contextmanager
def damaged_as_store_error(name: str) -> Iterator[None]:
    """Turn any error of SQLite into a StoreError that names the file and says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The text of SQLite's error contains no values, only what is wrong with the file.
        raise StoreError(f"{name} cannot be read or written ({error}). Retry later, or restore it.") from error


def stamp(moment: datetime) -> str:
    """Format a moment so that text order is time order; one without a zone is in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")

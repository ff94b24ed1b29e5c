"""The SQLite file of the work on accounts: tasks, notes and saved views, which several workers write safely."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rapport.files import private_file
from rapport.serving.sqlite_files import damaged_as_store_error

# Times are ISO 8601 in UTC, days are ISO dates. A change is a row of its own, so that everything has who and when.
_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, target TEXT NOT NULL, owner TEXT NOT NULL, title TEXT NOT NULL,
    action_code TEXT NOT NULL, due TEXT, status TEXT NOT NULL, outcome TEXT NOT NULL, note TEXT NOT NULL,
    created_at TEXT NOT NULL, created_by TEXT NOT NULL, steps TEXT NOT NULL, source TEXT NOT NULL,
    updated_at TEXT NOT NULL, finished_at TEXT, finished_by TEXT, model_version TEXT, probability REAL, money REAL,
    titles TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_customer ON tasks (customer_id, id);
CREATE INDEX IF NOT EXISTS tasks_status ON tasks (target, status, id);
CREATE TABLE IF NOT EXISTS task_log (
    id INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS task_log_task ON task_log (task_id, id);
CREATE TABLE IF NOT EXISTS account_facts (
    id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, value TEXT NOT NULL,
    at TEXT NOT NULL, by TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS account_facts_customer ON account_facts (customer_id, kind, subject, id);
CREATE TABLE IF NOT EXISTS views (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, page TEXT NOT NULL, query TEXT NOT NULL,
    shared INTEGER NOT NULL, at TEXT NOT NULL, UNIQUE (owner, page, name)
) STRICT;
"""


_VERSION = 2
_TITLES = "ALTER TABLE tasks ADD COLUMN titles TEXT NOT NULL DEFAULT '{}'"


@contextmanager
def work_database(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open ``work.db`` of a data folder; its rows are read by column name, and each statement is its own commit."""
    path = data_dir / "work.db"
    with damaged_as_store_error(path.name):
        is_new = private_file(path)
        store = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            store.row_factory = sqlite3.Row
            if is_new:
                store.execute("PRAGMA journal_mode = WAL")
            if store.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                _upgrade(store)
            yield store
        finally:
            store.close()


def _upgrade(store: sqlite3.Connection) -> None:
    """Make the tables, or add what a file of before lacks; of several processes, the first does."""
    store.executescript(f"BEGIN IMMEDIATE; {_TABLES}")
    if "titles" not in {row["name"] for row in store.execute("PRAGMA table_info(tasks)")}:
        store.execute(_TITLES)
    store.execute(f"PRAGMA user_version = {_VERSION}")
    store.execute("COMMIT")

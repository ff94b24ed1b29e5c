"""The stored messages of webhooks: each receiver has its own cursor, queue, state and dead letters."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.serving.sqlite_files import open_store

DATABASE = "webhooks.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS receivers (
    name TEXT PRIMARY KEY, cursor INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    next_try TEXT NOT NULL DEFAULT '', delivered_at TEXT, problem TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE IF NOT EXISTS messages (
    receiver TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, created_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, delivered_at TEXT, dead_at TEXT, problem TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (receiver, seq)) STRICT;
"""


@dataclass(frozen=True)
class ReceiverState:
    """What the console, the metrics and the command line show of a receiver."""

    name: str
    delivered: int
    waiting: int
    dead: int
    failures: int
    delivered_at: str | None
    next_try: str
    problem: str


class WebhookQueue:
    """The messages of all receivers in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / DATABASE

    def state(self, name: str) -> ReceiverState:
        """Return the state of one receiver."""
        with self.open() as store:
            row = store.execute("SELECT * FROM receivers WHERE name = ?", (name,)).fetchone()
            counts = store.execute(
                "SELECT count(delivered_at) AS delivered, count(dead_at) AS dead, count(*) AS messages "
                "FROM messages WHERE receiver = ?",
                (name,),
            ).fetchone()
        waiting = counts["messages"] - counts["delivered"] - counts["dead"]
        about: dict[str, Any] = (
            dict(row) if row else {"failures": 0, "delivered_at": None, "next_try": "", "problem": ""}
        )
        shown: dict[str, Any] = {key: about[key] for key in ("failures", "delivered_at", "next_try", "problem")}
        return ReceiverState(name, counts["delivered"], waiting, counts["dead"], **shown)

    def states(self) -> list[ReceiverState]:
        """Return the states of all receivers that ever had a message."""
        if not self._path.is_file():
            return []
        with self.open() as store:
            names = [row["name"] for row in store.execute("SELECT name FROM receivers ORDER BY name").fetchall()]
        return [self.state(name) for name in names]

    def replay(self, name: str, *, since: int | None = None) -> int:
        """Queue the dead letters of a receiver again, or all messages after a number; return how many."""
        where = "dead_at IS NOT NULL" if since is None else "seq > ?"
        sql = f"UPDATE messages SET delivered_at = NULL, dead_at = NULL, attempts = 0 WHERE receiver = ? AND {where}"
        with self.open() as store:
            count = store.execute(sql, (name, *([] if since is None else [since]))).rowcount
            store.execute("UPDATE receivers SET next_try = '' WHERE name = ?", (name,))
        return count

    def open(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open the database for one transaction."""
        return open_store(self._path, _SCHEMA, wal=True)

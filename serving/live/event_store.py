"""Events on disk: every accepted row is committed to one SQLite file before its receipt is sent."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rapport.files import private_file
from rapport.serving.errors import RequestError
from rapport.serving.live.batcher import Batcher
from rapport.serving.resource_pool import ResourcePool
from rapport.serving.sqlite_files import stamp
from rapport.suppression import SuppressionList

DATABASE = "events.db"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, received_at TEXT NOT NULL, by TEXT NOT NULL,
    table_name TEXT NOT NULL, customer_id TEXT NOT NULL, row TEXT, was TEXT, base TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_customer ON events (customer_id, seq);
CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, body_hash TEXT NOT NULL, receipt TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS absorbed (
    target TEXT NOT NULL, seq INTEGER NOT NULL, as_of TEXT NOT NULL, PRIMARY KEY (target, seq)
) STRICT, WITHOUT ROWID;
"""
_COLUMNS = "seq, event_id, received_at, by, table_name, customer_id, row, was, base"
_IDS_PER_QUERY = 500
_CONNECTIONS = 8


@dataclass(frozen=True)
class NewEvent:
    """One row to be stored: ``row`` is None for a deletion, ``was`` names the row that it replaces or deletes.

    ``base`` is what the source had at receipt: the given columns of the row with the same key, or how many equal rows.
    """

    event_id: str
    table: str
    customer_id: str
    row: Mapping[str, Any] | None
    was: Mapping[str, Any] | None = None
    base: Any = None


@dataclass(frozen=True)
class StoredEvent(NewEvent):
    """A stored event; ``seq`` orders all events of the data folder."""

    seq: int = 0
    received_at: datetime = EPOCH
    by: str = ""


@dataclass(frozen=True)
class Mark:
    """The last event of a customer: its number and the time of its receipt."""

    seq: int
    received_at: datetime


class EventStore:
    """The events of one data folder; several processes read and write it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / DATABASE
        self._name = str(self._path)
        self._connections = ResourcePool(self._open, sqlite3.Connection.close, limit=_CONNECTIONS)
        self._write: Batcher[Callable[[sqlite3.Connection], Any], Any] = Batcher(self._commit)
        self.suppressed = SuppressionList(data_dir)

    @property
    def exists(self) -> bool:
        """Whether any event was ever accepted here."""
        # Every answer looks: a Path would double the time.
        return os.path.isfile(self._name)  # noqa: PTH113

    def add(self, events: Sequence[NewEvent], *, by: str, now: datetime) -> list[tuple[int, datetime, bool]]:
        """Store events, all or none; return the number, receipt and novelty of each, in order.

        An ``event_id`` that is stored with the same row is a retry; with another row it is refused.
        """
        stored: list[tuple[int, datetime, bool]] = self._write(lambda store: _add(store, events, by, now))
        return stored

    def receipt(self, key: str, body_hash: str) -> dict[str, object] | None:
        """Return the receipt of an earlier request with this idempotency key; refuse another body."""
        row = self._read("SELECT body_hash, receipt FROM requests WHERE key = ?", (key,))
        if not row:
            return None
        if row[0]["body_hash"] != body_hash:
            raise RequestError(409, "This Idempotency-Key was used for another body; use a new one.")
        return dict(json.loads(row[0]["receipt"])) | {"repeated": True}

    def keep_receipt(self, key: str, body_hash: str, receipt: Mapping[str, object]) -> None:
        """Keep a receipt for retries of the same request."""
        values = (key, body_hash, json.dumps(receipt))
        self._write(lambda store: store.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", values).rowcount)

    def of(self, customer_ids: Sequence[str]) -> dict[str, list[StoredEvent]]:
        """Return the events of some customers, oldest first."""
        found: dict[str, list[StoredEvent]] = {one: [] for one in customer_ids}
        for first in range(0, len(customer_ids), _IDS_PER_QUERY):
            some = customer_ids[first : first + _IDS_PER_QUERY]
            marks = ",".join("?" * len(some))
            for row in self._read(f"SELECT {_COLUMNS} FROM events WHERE customer_id IN ({marks}) ORDER BY seq", some):
                found[row["customer_id"]].append(_event(row))
        return found

    def by_id(self, event_id: str) -> StoredEvent | None:
        """Return one event."""
        rows = self._read(f"SELECT {_COLUMNS} FROM events WHERE event_id = ?", (event_id,))
        return _event(rows[0]) if rows else None

    def marks(self, after: int) -> tuple[dict[str, Mark], int]:
        """Return the last event of each customer with events after a number, and the newest number."""
        sql = "SELECT customer_id, max(seq) AS seq, max(received_at) AS at FROM events WHERE seq > ? GROUP BY 1"
        rows = self._read(sql, (after,)) if self.exists else []
        found = {row["customer_id"]: Mark(row["seq"], _moment(row["at"])) for row in rows}
        return found, max((mark.seq for mark in found.values()), default=after)

    def new_parents(self, after: int) -> list[tuple[str, str | None]]:
        """Return the customers whose parent an event after a number has set, oldest first."""
        sql = "SELECT customer_id, row FROM events WHERE seq > ? AND table_name = 'customers' AND row IS NOT NULL"
        rows = [(row["customer_id"], json.loads(row["row"])) for row in self._read(f"{sql} ORDER BY seq", (after,))]
        return [(customer_id, row["parent_id"]) for customer_id, row in rows if "parent_id" in row]

    def newest(self) -> int:
        """Return the number of the newest event; 0 before the first."""
        rows = self._read("SELECT max(seq) FROM events")
        return int(rows[0][0] or 0) if rows else 0

    def last(self) -> Mark | None:
        """Return the newest event."""
        rows = self._read("SELECT seq, received_at FROM events ORDER BY seq DESC LIMIT 1") if self.exists else []
        return Mark(rows[0]["seq"], _moment(rows[0]["received_at"])) if rows else None

    def absorb(self, target: str, as_of: str, events: Sequence[int]) -> None:
        """Note the events that the source of a run already has, so that they are not looked at again."""
        values = [(target, one, as_of) for one in events]
        self._write(
            lambda store: store.executemany("INSERT OR REPLACE INTO absorbed VALUES (?, ?, ?)", values).rowcount
        )

    def settled(self, target: str, as_of: str) -> dict[str, int]:
        """Return the customers with all events absorbed by runs up to ``as_of``, and the number of the last one."""
        sql = (
            "SELECT customer_id, max(events.seq) AS seq FROM events LEFT JOIN absorbed "
            "ON absorbed.seq = events.seq AND target = ? AND as_of <= ? "
            "GROUP BY 1 HAVING count(*) = count(absorbed.seq)"
        )
        return {row["customer_id"]: row["seq"] for row in self._read(sql, (target, as_of))}

    def waiting(self, target: str, as_of: str) -> list[str]:
        """Return the customers with events that no run up to ``as_of`` was found to hold."""
        sql = (
            "SELECT DISTINCT customer_id FROM events WHERE seq NOT IN "
            "(SELECT seq FROM absorbed WHERE target = ? AND as_of <= ?) ORDER BY customer_id"
        )
        return [row["customer_id"] for row in self._read(sql, (target, as_of))] if self.exists else []

    def _read(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        if not self.exists:
            return []
        with self._connections.borrow() as store:
            return store.execute(sql, tuple(values)).fetchall()

    def _commit(self, writes: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[object]:
        """Do the writes of several threads in one transaction: a commit waits for the disk, and once is enough."""
        # An error closes the connection, which rolls its transaction back.
        with self._connections.borrow() as store:
            store.execute("BEGIN IMMEDIATE")
            found = [write(store) for write in writes]
            store.execute("COMMIT")
        return found

    def _open(self) -> sqlite3.Connection:
        private_file(self._path)
        # Threads take turns with a connection.
        store = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
        store.row_factory = sqlite3.Row
        store.execute("PRAGMA journal_mode = WAL")
        # FULL: a receipt is sent only after the row survives a power failure.
        store.execute("PRAGMA synchronous = FULL")
        store.executescript(_SCHEMA)
        return store


def _add(
    store: sqlite3.Connection, events: Sequence[NewEvent], by: str, now: datetime
) -> list[tuple[int, datetime, bool]]:
    last = store.execute("SELECT received_at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    received = max(now.astimezone(UTC), _moment(last[0]) + timedelta(microseconds=1)) if last else now
    return [_insert(store, event, by, stamp(received)) for event in events]


def _insert(store: sqlite3.Connection, event: NewEvent, by: str, received: str) -> tuple[int, datetime, bool]:
    row, was = _json(event.row), _json(event.was)
    values = (event.event_id, received, by, event.table, event.customer_id, row, was, _json(event.base) or "null")
    inserted = store.execute(
        "INSERT INTO events (event_id, received_at, by, table_name, customer_id, row, was, base) "
        "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (event_id) DO NOTHING RETURNING seq",
        values,
    ).fetchone()
    if inserted is not None:
        return int(inserted["seq"]), _moment(received), True
    first = store.execute(f"SELECT {_COLUMNS} FROM events WHERE event_id = ?", (event.event_id,)).fetchone()
    same = (first["table_name"], first["customer_id"], first["row"], first["was"])
    if same != (event.table, event.customer_id, row, was):
        raise RequestError(
            409,
            f"The event_id {event.event_id} was used for another row. Send a correction under a new event_id, "
            "with 'corrects' naming this one.",
            where="event_id",
        )
    return int(first["seq"]), _moment(first["received_at"]), False


def _event(row: sqlite3.Row) -> StoredEvent:
    return StoredEvent(
        row["event_id"],
        row["table_name"],
        row["customer_id"],
        json.loads(row["row"]) if row["row"] else None,
        json.loads(row["was"]) if row["was"] else None,
        json.loads(row["base"]),
        row["seq"],
        _moment(row["received_at"]),
        row["by"],
    )


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

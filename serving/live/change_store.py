"""The change feed: what moved in a customer's score, grade or reasons, in one order, and the state that it leads to.

A change holds the whole new state, so the changes from cursor 0 rebuild the current state exactly. Changes are kept for
30 days; after that only the newest change of each customer, so that cursor 0 always works. Customers that were
forgotten enter no change.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapport.files import private_file
from rapport.serving.shapes.feed_answers import Change
from rapport.serving.sqlite_files import stamp
from rapport.suppression import SuppressionList

DATABASE = "changes.db"
KEPT = timedelta(days=30)
STATE = ("state", "probability", "risk_band", "health_grade", "tier", "first_reason", "list", "lead_grade", "owner")
"""The fields of a customer's state."""

# Which field of the state changes which kind of the feed; a score changes when it moves far enough.
KINDS = {
    "state": "state", "risk_band": "band", "health_grade": "grade", "tier": "tier", "first_reason": "first_reason",
    "list": "list", "lead_grade": "grade", "owner": "owner",
}  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, target TEXT NOT NULL, customer_id TEXT NOT NULL,
    customer_seq INTEGER NOT NULL, cause TEXT NOT NULL, kinds TEXT NOT NULL, points REAL, as_of TEXT NOT NULL,
    state TEXT, alert TEXT, owner TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS changes_customer ON changes (target, customer_id, seq);
CREATE TABLE IF NOT EXISTS states (
    target TEXT NOT NULL, customer_id TEXT NOT NULL, seq INTEGER NOT NULL, customer_seq INTEGER NOT NULL, state TEXT,
    PRIMARY KEY (target, customer_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_NOW_OF = "SELECT target, customer_id FROM states WHERE json_extract(state, '$.owner') IN ({marks})"
_IDS_PER_QUERY = 500


@dataclass(frozen=True)
class CustomerState:
    """What the feed says of one customer; ``values`` is None for one that is no longer scored."""

    customer_id: str
    as_of: str
    values: Mapping[str, Any] | None


@dataclass(frozen=True)
class _Change:
    target: str
    after: CustomerState
    kinds: Sequence[str]
    cause: str
    points: float | None = None
    alert: Mapping[str, Any] | None = None


# Another process may be making the tables: only the last of them says that all are there.
_LAST_MADE = "SELECT 1 FROM sqlite_master WHERE name = 'progress'"


class ChangeStore:
    """The changes of one data folder."""

    def __init__(self, data_dir: Path, min_points: float = 0.02) -> None:
        self._path, self._min_points = data_dir / DATABASE, min_points
        self._suppressed = SuppressionList(data_dir)

    def record(self, target: str, states: Sequence[CustomerState], *, cause: str, now: datetime) -> int:
        """Store the changes against the states so far, all or none; return how many there were."""
        count = 0
        with self._open() as store:
            ids = [one.customer_id for one in states]
            known, forgotten = _known(store, target, ids), self._suppressed.of(ids)
            for one in states:
                if one.customer_id in forgotten:
                    continue
                seq, old = known.get(one.customer_id, (0, None))
                kinds, points = _difference(old, one.values, self._min_points)
                if kinds:
                    _insert(store, _Change(target, one, kinds, cause, points), seq + 1, now)
                    count += 1
        return count

    def record_alert(
        self, target: str, customer_id: str, alert: Mapping[str, object], *, as_of: str, now: datetime
    ) -> None:
        """Store an alert as a change; the state stays as it is."""
        with self._open() as store:
            if self._suppressed.of([customer_id]):
                return
            seq, old = _known(store, target, [customer_id]).get(customer_id, (0, None))
            one = CustomerState(customer_id, as_of, old)
            _insert(store, _Change(target, one, ["alert"], "alert", alert=alert), seq + 1, now)

    def since(
        self, cursor: int, *, target: str | None = None, owners: Sequence[str] | None = None, limit: int = 1_000
    ) -> tuple[list[Change], int, bool]:
        """Return changes after a cursor, the cursor after them, and whether more follow."""
        values = [*([target] if target is not None else []), *(owners or ()), *(owners or ())]
        where = " AND target = ?" if target is not None else ""
        if owners is not None:
            marks = ",".join("?" * len(owners))
            # A customer that changed hands: its former owner reads nothing more of it.
            where += f" AND owner IN ({marks}) AND (target, customer_id) IN ({_NOW_OF.format(marks=marks)})"
        with self._open("BEGIN") as store:
            newest = store.execute("SELECT coalesce(max(seq), 0) AS seq FROM changes").fetchone()["seq"]
            sql = f"SELECT * FROM changes WHERE seq > ? AND seq <= ?{where} ORDER BY seq LIMIT ?"
            rows = store.execute(sql, (cursor, newest, *values, limit + 1)).fetchall()
        more = len(rows) > limit
        rows = rows[:limit]
        return [_change(row) for row in rows], rows[-1]["seq"] if more else max(newest, cursor), more

    def customers(self, target: str) -> list[str]:
        """Return the customers that have a state, sorted."""
        sql = "SELECT customer_id FROM states WHERE target = ? AND state IS NOT NULL ORDER BY customer_id"
        with self._open("BEGIN") as store:
            return [row["customer_id"] for row in store.execute(sql, (target,)).fetchall()]

    def states(self, target: str) -> dict[str, dict[str, object]]:
        """Return the current state of every customer."""
        sql = "SELECT customer_id, state FROM states WHERE target = ? AND state IS NOT NULL"
        with self._open("BEGIN") as store:
            return {row["customer_id"]: json.loads(row["state"]) for row in store.execute(sql, (target,)).fetchall()}

    def progress(self, name: str) -> str:
        """Return how far a reader of this folder got; empty at first."""
        with self._open("BEGIN") as store:
            row = store.execute("SELECT value FROM progress WHERE name = ?", (name,)).fetchone()
        return row["value"] if row else ""

    def set_progress(self, name: str, value: str) -> None:
        """Note how far a reader of this folder got."""
        with self._open() as store:
            store.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (name, value))

    def prune(self, now: datetime) -> int:
        """Delete changes older than 30 days that a newer one of the same customer has replaced."""
        sql = (
            "DELETE FROM changes WHERE at < ? AND seq NOT IN "
            "(SELECT max(seq) FROM changes WHERE alert IS NULL GROUP BY target, customer_id)"
        )
        with self._open() as store:
            return store.execute(sql, (stamp(now - KEPT),)).rowcount

    @contextmanager
    def _open(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        private_file(self._path)
        store = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            store.row_factory = sqlite3.Row
            store.execute("PRAGMA journal_mode = WAL")
            if begin != "BEGIN" or not store.execute(_LAST_MADE).fetchone():
                store.executescript(_SCHEMA)
            store.execute(begin)
            yield store
            store.execute("COMMIT")
        finally:
            # Closing rolls an open transaction back.
            store.close()


def _known(
    store: sqlite3.Connection, target: str, ids: Sequence[str]
) -> dict[str, tuple[int, dict[str, object] | None]]:
    found = {}
    for first in range(0, len(ids), _IDS_PER_QUERY):
        some = ids[first : first + _IDS_PER_QUERY]
        sql = (
            "SELECT customer_id, customer_seq, state FROM states "
            f"WHERE target = ? AND customer_id IN ({','.join('?' * len(some))})"
        )
        for row in store.execute(sql, (target, *some)).fetchall():
            found[row["customer_id"]] = row["customer_seq"], json.loads(row["state"]) if row["state"] else None
    return found


def _difference(
    old: Mapping[str, object] | None, new: Mapping[str, Any] | None, min_points: float
) -> tuple[list[str], float | None]:
    """Return the kinds of change, none if nothing changed enough, and the move of the probability."""
    if old is None or new is None:
        return ([] if old is new else ["new" if old is None else "gone"]), None
    kinds = list(dict.fromkeys(kind for name, kind in KINDS.items() if old.get(name) != new.get(name)))
    before, after = old.get("probability"), new.get("probability")
    points = None if before is None or after is None else after - before
    if (before is None) != (after is None) or (points is not None and abs(points) > min_points):
        kinds.insert(0, "score")
    return kinds, points


def _insert(store: sqlite3.Connection, change: _Change, customer_seq: int, now: datetime) -> None:
    one = change.after
    state = None if one.values is None else json.dumps(dict(one.values), ensure_ascii=False, sort_keys=True)
    alert = None if change.alert is None else json.dumps(dict(change.alert), ensure_ascii=False, sort_keys=True)
    values = (
        stamp(now), change.target, one.customer_id, customer_seq, change.cause, json.dumps(list(change.kinds)),
        change.points, one.as_of, state, alert, (one.values or {}).get("owner"),
    )  # fmt: skip
    seq = store.execute(
        "INSERT INTO changes (at, target, customer_id, customer_seq, cause, kinds, points, as_of, state, alert, owner) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?) RETURNING seq",
        values,
    ).fetchone()["seq"]
    store.execute(
        "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)",
        (change.target, one.customer_id, seq, customer_seq, state),
    )


def _change(row: sqlite3.Row) -> Change:
    """Return a stored change; its owner decides who reads it, and is no part of it."""
    return {
        "seq": row["seq"],
        "at": row["at"],
        "target": row["target"],
        "customer_id": row["customer_id"],
        "customer_seq": row["customer_seq"],
        "cause": row["cause"],
        "kinds": json.loads(row["kinds"]),
        "points": row["points"],
        "as_of": row["as_of"],
        "state": json.loads(row["state"]) if row["state"] else None,
        "alert": json.loads(row["alert"]) if row["alert"] else None,
    }


_AT_ONCE = 10_000
_NAMES = {"first_reason": "first_reason_family"}


def state_of(row: Mapping[str, Any], as_of: str) -> CustomerState:
    """Return the state that one portfolio row shows."""
    values = {name: row.get(_NAMES.get(name, name)) for name in STATE}
    return CustomerState(row["customer_id"], as_of, values)


def states_of(portfolio: pa.Table, as_of: str) -> Iterator[list[CustomerState]]:
    """Yield the states of a portfolio table, some thousand customers at a time."""
    wanted = [_NAMES.get(name, name) for name in STATE]
    table = portfolio.select(["customer_id", *(name for name in wanted if name in portfolio.column_names)])
    for first in range(0, table.num_rows, _AT_ONCE):
        yield [state_of(row, as_of) for row in table.slice(first, _AT_ONCE).to_pylist()]

"""Webhooks of the change feed: each receiver has its own cursor, queue, state and dead letters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rapport.errors import SettingsError
from rapport.files import private_file
from rapport.history.settings import Settings
from rapport.serving.jobs.channels import Channel, DeliveryError, Webhook
from rapport.serving.live.change_store import ChangeStore

DATABASE = "webhooks.db"
SEND = ("changes", "alerts", "all")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=5)
REFUSALS = 8
"""A message that the receiver refuses (4xx) this often is a dead letter, and the next one follows."""
GIVE_UP = timedelta(days=7)
_AT_ONCE = 500
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
class Receiver:
    """One receiver of changes, alerts or both."""

    name: str
    send: str
    channel: Channel


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


def receivers_of(settings: Settings, environ: Mapping[str, str]) -> tuple[Receiver, ...]:
    """Return the receivers that the settings name; their secrets come from the environment."""
    found = []
    for name, one in settings.webhooks.items():
        unknown = sorted(set(one) - {"url", "secret", "send"})
        if unknown or "url" not in one or "secret" not in one or one.get("send", "all") not in SEND:
            raise SettingsError(
                f"[webhooks.{name}] needs url and secret (the name of an environment variable), and may have "
                f"send = {', '.join(SEND)}."
            )
        secret = environ.get(one["secret"])
        if not secret:
            raise SettingsError(f"[webhooks.{name}]: the environment variable {one['secret']} is not set. Set it.")
        found.append(Receiver(name, one.get("send", "all"), Webhook(one["url"], secret, name=name)))
    return tuple(found)


class WebhookDeliveries:
    """The queues of all receivers in one data folder."""

    def __init__(self, data_dir: Path, changes: ChangeStore) -> None:
        self._path, self._changes = data_dir / DATABASE, changes

    def round(
        self, receiver: Receiver, now: datetime, held_out: Callable[[], Collection[str]] = tuple
    ) -> ReceiverState:
        """Queue the new changes of a receiver and send what is due, in order."""
        self._queue(receiver, now, held_out())
        if self._due(receiver.name, now):
            self._send(receiver, now)
        return self.state(receiver.name)

    def state(self, name: str) -> ReceiverState:
        """Return the state of one receiver."""
        with self._open() as store:
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
        with self._open() as store:
            names = [row["name"] for row in store.execute("SELECT name FROM receivers ORDER BY name").fetchall()]
        return [self.state(name) for name in names]

    def replay(self, name: str, *, since: int | None = None) -> int:
        """Queue the dead letters of a receiver again, or all messages after a number; return how many."""
        where = "dead_at IS NOT NULL" if since is None else "seq > ?"
        sql = f"UPDATE messages SET delivered_at = NULL, dead_at = NULL, attempts = 0 WHERE receiver = ? AND {where}"
        with self._open() as store:
            count = store.execute(sql, (name, *([] if since is None else [since]))).rowcount
            store.execute("UPDATE receivers SET next_try = '' WHERE name = ?", (name,))
        return count

    def _queue(self, receiver: Receiver, now: datetime, held_out: Collection[str]) -> None:
        more = True
        while more:
            with self._open() as store:
                store.execute("INSERT OR IGNORE INTO receivers (name) VALUES (?)", (receiver.name,))
                row = store.execute("SELECT cursor FROM receivers WHERE name = ?", (receiver.name,)).fetchone()
                changes, cursor, more = self._changes.since(row["cursor"], limit=_AT_ONCE)
                chosen = [one for one in changes if _is_wanted(one, receiver.send, held_out)]
                store.executemany(
                    "INSERT OR IGNORE INTO messages (receiver, seq, id, body, created_at) VALUES (?, ?, ?, ?, ?)",
                    [(receiver.name, one["seq"], f"chg_{one['seq']}", _body(one), _stamp(now)) for one in chosen],
                )
                store.execute("UPDATE receivers SET cursor = ? WHERE name = ?", (cursor, receiver.name))

    def _due(self, name: str, now: datetime) -> bool:
        with self._open() as store:
            row = store.execute("SELECT next_try FROM receivers WHERE name = ?", (name,)).fetchone()
        return bool(row["next_try"] <= _stamp(now))

    def _send(self, receiver: Receiver, now: datetime) -> None:
        """Send in order; a receiver that does not answer is left alone for a while, with everything kept."""
        for message in self._waiting(receiver.name):
            try:
                receiver.channel.send(message["id"], message["body"], now)
            except DeliveryError as error:
                self._failed(receiver.name, message, error, now)
                if not error.refused:
                    return
            else:
                self._delivered(receiver.name, message["seq"], now)

    def _waiting(self, name: str) -> Sequence[sqlite3.Row]:
        waiting = "delivered_at IS NULL AND dead_at IS NULL"
        sql = f"SELECT * FROM messages WHERE receiver = ? AND {waiting} ORDER BY seq LIMIT ?"
        with self._open() as store:
            return store.execute(sql, (name, _AT_ONCE)).fetchall()

    def _delivered(self, name: str, seq: int, now: datetime) -> None:
        with self._open() as store:
            store.execute(
                "UPDATE messages SET delivered_at = ?, problem = '', attempts = attempts + 1 "
                "WHERE receiver = ? AND seq = ?",
                (_stamp(now), name, seq),
            )
            store.execute(
                "UPDATE receivers SET failures = 0, next_try = '', problem = '', delivered_at = ? WHERE name = ?",
                (_stamp(now), name),
            )

    def _failed(self, name: str, message: sqlite3.Row, error: DeliveryError, now: datetime) -> None:
        attempts = message["attempts"] + 1
        too_old = now - datetime.fromisoformat(message["created_at"]) > GIVE_UP
        dead = _stamp(now) if (error.refused and attempts >= REFUSALS) or too_old else None
        with self._open() as store:
            store.execute(
                "UPDATE messages SET attempts = ?, problem = ?, dead_at = ? WHERE receiver = ? AND seq = ?",
                (attempts, str(error), dead, name, message["seq"]),
            )
            failures = store.execute("SELECT failures FROM receivers WHERE name = ?", (name,)).fetchone()["failures"]
            wait = min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT)
            store.execute(
                "UPDATE receivers SET failures = failures + 1, problem = ?, next_try = ? WHERE name = ?",
                (str(error), _stamp(now + wait), name),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        private_file(self._path)
        store = sqlite3.connect(self._path, timeout=30)
        store.row_factory = sqlite3.Row
        try:
            store.execute("PRAGMA journal_mode = WAL")
            store.executescript(_SCHEMA)
            with store:
                yield store
        finally:
            store.close()


def _is_wanted(change: Mapping[str, Any], send: str, held_out: Collection[str]) -> bool:
    # A held-out customer's change would lead someone to call.
    if change["customer_id"] in held_out:
        return False
    return send == "all" or (change["cause"] == "alert") == (send == "alerts")


def _body(change: Mapping[str, Any]) -> bytes:
    data = {name: value for name, value in change.items() if name != "owner"}
    kind = "rapport.alert" if change["cause"] == "alert" else "rapport.change"
    return json.dumps({"type": kind, "timestamp": change["at"], "data": data}, ensure_ascii=False).encode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")

"""Webhooks of the change feed: each receiver has its own cursor, queue, state and dead letters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rapport.errors import SettingsError
from rapport.history.settings import Settings
from rapport.serving.jobs.channels import Channel, DeliveryError, Webhook
from rapport.serving.live.change_store import ChangeStore
from rapport.serving.live.webhook_queue import ReceiverState, WebhookQueue
from rapport.serving.shapes.feed_answers import Change
from rapport.serving.sqlite_files import stamp

SEND = ("changes", "alerts", "all")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=5)
REFUSALS = 8
"""A message that the receiver refuses (4xx) this often is a dead letter, and the next one follows."""
GIVE_UP = timedelta(days=7)
_AT_ONCE = 500


@dataclass(frozen=True)
class Receiver:
    """One receiver of changes, alerts or both."""

    name: str
    send: str
    channel: Channel


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


class WebhookDeliveries(WebhookQueue):
    """The queues of all receivers in one data folder."""

    def __init__(self, data_dir: Path, changes: ChangeStore) -> None:
        super().__init__(data_dir)
        self._changes = changes

    def round(
        self, receiver: Receiver, now: datetime, held_out: Callable[[], Collection[str]] = tuple
    ) -> ReceiverState:
        """Queue the new changes of a receiver and send what is due, in order."""
        self._queue(receiver, now, held_out())
        if self._due(receiver.name, now):
            self._send(receiver, now)
        return self.state(receiver.name)

    def _queue(self, receiver: Receiver, now: datetime, held_out: Collection[str]) -> None:
        more = True
        while more:
            with self.open() as store:
                store.execute("INSERT OR IGNORE INTO receivers (name) VALUES (?)", (receiver.name,))
                row = store.execute("SELECT cursor FROM receivers WHERE name = ?", (receiver.name,)).fetchone()
                changes, cursor, more = self._changes.since(row["cursor"], limit=_AT_ONCE)
                chosen = [one for one in changes if _is_wanted(one, receiver.send, held_out)]
                store.executemany(
                    "INSERT OR IGNORE INTO messages (receiver, seq, id, body, created_at) VALUES (?, ?, ?, ?, ?)",
                    [(receiver.name, one["seq"], f"chg_{one['seq']}", _body(one), stamp(now)) for one in chosen],
                )
                store.execute("UPDATE receivers SET cursor = ? WHERE name = ?", (cursor, receiver.name))

    def _due(self, name: str, now: datetime) -> bool:
        with self.open() as store:
            row = store.execute("SELECT next_try FROM receivers WHERE name = ?", (name,)).fetchone()
        return bool(row["next_try"] <= stamp(now))

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
        with self.open() as store:
            return store.execute(sql, (name, _AT_ONCE)).fetchall()

    def _delivered(self, name: str, seq: int, now: datetime) -> None:
        with self.open() as store:
            store.execute(
                "UPDATE messages SET delivered_at = ?, problem = '', attempts = attempts + 1 "
                "WHERE receiver = ? AND seq = ?",
                (stamp(now), name, seq),
            )
            store.execute(
                "UPDATE receivers SET failures = 0, next_try = '', problem = '', delivered_at = ? WHERE name = ?",
                (stamp(now), name),
            )

    def _failed(self, name: str, message: sqlite3.Row, error: DeliveryError, now: datetime) -> None:
        attempts = message["attempts"] + 1
        too_old = now - datetime.fromisoformat(message["created_at"]) > GIVE_UP
        dead = stamp(now) if (error.refused and attempts >= REFUSALS) or too_old else None
        with self.open() as store:
            store.execute(
                "UPDATE messages SET attempts = ?, problem = ?, dead_at = ? WHERE receiver = ? AND seq = ?",
                (attempts, str(error), dead, name, message["seq"]),
            )
            failures = store.execute("SELECT failures FROM receivers WHERE name = ?", (name,)).fetchone()["failures"]
            wait = min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT)
            store.execute(
                "UPDATE receivers SET failures = failures + 1, problem = ?, next_try = ? WHERE name = ?",
                (str(error), stamp(now + wait), name),
            )


def _is_wanted(change: Change, send: str, held_out: Collection[str]) -> bool:
    # A held-out customer's change would lead someone to call.
    if change["customer_id"] in held_out:
        return False
    return send == "all" or (change["cause"] == "alert") == (send == "alerts")


def _body(change: Change) -> bytes:
    kind = "rapport.alert" if change["cause"] == "alert" else "rapport.change"
    return json.dumps({"type": kind, "timestamp": change["at"], "data": change}, ensure_ascii=False).encode()

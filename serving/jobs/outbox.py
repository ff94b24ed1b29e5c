"""The outbox: every alert is stored before it is sent, and is retried until its channel accepts it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rapport.scoring.alerts import Alert
from rapport.serving.jobs.channels import Channel, DeliveryError
from rapport.serving.shapes.feed_answers import AlertFields
from rapport.serving.sqlite_files import open_store, stamp

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=6)
# While one process sends an alert, no other process takes it; if the sender dies, its lease ends after this time.
_LEASE = timedelta(minutes=2)

# The table ``looks`` holds the cutoffs up to which events were read; stored files keep its name.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (
    id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, cause TEXT NOT NULL, as_of TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS alerts_by_cause ON alerts (customer_id, cause, as_of);
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT NOT NULL REFERENCES alerts, channel TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_try TEXT NOT NULL, delivered_at TEXT, problem TEXT NOT NULL DEFAULT '', PRIMARY KEY (id, channel));
CREATE TABLE IF NOT EXISTS looks (as_of TEXT PRIMARY KEY);
"""


@dataclass(frozen=True)
class Delivery:
    """The result of one round of deliveries on a channel."""

    delivered: int
    failed: int
    waiting: int


class Outbox:
    """Alerts and their deliveries in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(
        self, alerts: Sequence[Alert], channels: Sequence[str], as_of: datetime | None, now: datetime
    ) -> list[Alert]:
        """Store alerts for these channels, all or none; return those that were not stored before.

        ``now`` is when they may be delivered; ``as_of`` the cutoff up to which the rows of a source were read.
        """
        with open_store(self._path, _SCHEMA) as database:
            new = []
            for alert in alerts:
                body = json.dumps(alert.as_dict(), ensure_ascii=False, sort_keys=True).encode()
                row = (alert.id, alert.customer_id, alert.cause, alert.as_of.isoformat(), body)
                if database.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?, ?, ?, ?)", row).rowcount:
                    new.append(alert)
                for channel in channels:
                    sql = "INSERT OR IGNORE INTO deliveries (id, channel, next_try) VALUES (?, ?, ?)"
                    database.execute(sql, (alert.id, channel, stamp(now)))
            if as_of is not None:
                database.execute("INSERT OR IGNORE INTO looks VALUES (?)", (as_of.isoformat(),))
        return new

    def raised_since(self, since: datetime) -> list[AlertFields]:
        """Return the alerts raised since a moment, oldest first."""
        sql = "SELECT body FROM alerts WHERE as_of >= ? ORDER BY as_of"
        with open_store(self._path, _SCHEMA) as database:
            return [json.loads(row[0]) for row in database.execute(sql, (since.isoformat(),)).fetchall()]

    def last_raised(self) -> dict[tuple[str, str], datetime]:
        """Return when each cause was last raised for each customer."""
        with open_store(self._path, _SCHEMA) as database:
            rows = database.execute("SELECT customer_id, cause, max(as_of) FROM alerts GROUP BY 1, 2").fetchall()
        return {(customer, cause): datetime.fromisoformat(at) for customer, cause, at in rows}

    def customers_since(self, since: datetime) -> int:
        """Count the customers with an alert since a moment."""
        sql = "SELECT count(DISTINCT customer_id) FROM alerts WHERE as_of >= ?"
        with open_store(self._path, _SCHEMA) as database:
            return int(database.execute(sql, (since.isoformat(),)).fetchone()[0])

    def events_read_until(self) -> datetime | None:
        """Return the cutoff up to which events were read; None before the first run."""
        with open_store(self._path, _SCHEMA) as database:
            at = database.execute("SELECT max(as_of) FROM looks").fetchone()[0]
        return None if at is None else datetime.fromisoformat(at)

    def deliver(self, channel: Channel, now: datetime) -> Delivery:
        """Send the due alerts of one channel, oldest first; failures are retried with growing delays, never dropped."""
        delivered = failed = 0
        for alert_id, body in self._due(channel.name, now):
            if not self._claim(alert_id, channel.name, now):
                continue
            try:
                channel.send(alert_id, body, now)
            except DeliveryError as error:
                self._failed(alert_id, channel.name, str(error), now)
                failed += 1
            else:
                self._delivered(alert_id, channel.name, now)
                delivered += 1
        return Delivery(delivered, failed, self.waiting(channel.name))

    def waiting(self, channel: str) -> int:
        """Count the alerts that the channel has not accepted yet."""
        sql = "SELECT count(*) FROM deliveries WHERE channel = ? AND delivered_at IS NULL"
        with open_store(self._path, _SCHEMA) as database:
            return int(database.execute(sql, (channel,)).fetchone()[0])

    def _due(self, channel: str, now: datetime) -> list[tuple[str, bytes]]:
        sql = (
            "SELECT alerts.id, body FROM deliveries JOIN alerts USING (id) WHERE channel = ? AND delivered_at IS NULL "
            "AND next_try <= ? ORDER BY as_of, alerts.rowid"
        )
        with open_store(self._path, _SCHEMA) as database:
            rows: list[tuple[str, bytes]] = database.execute(sql, (channel, stamp(now))).fetchall()
        return rows

    def _claim(self, alert_id: str, channel: str, now: datetime) -> bool:
        sql = (
            "UPDATE deliveries SET next_try = ?, attempts = attempts + 1 "
            "WHERE id = ? AND channel = ? AND delivered_at IS NULL AND next_try <= ?"
        )
        with open_store(self._path, _SCHEMA) as database:
            return database.execute(sql, (stamp(now + _LEASE), alert_id, channel, stamp(now))).rowcount == 1

    def _delivered(self, alert_id: str, channel: str, now: datetime) -> None:
        sql = "UPDATE deliveries SET delivered_at = ?, problem = '' WHERE id = ? AND channel = ?"
        with open_store(self._path, _SCHEMA) as database:
            database.execute(sql, (stamp(now), alert_id, channel))

    def _failed(self, alert_id: str, channel: str, problem: str, now: datetime) -> None:
        with open_store(self._path, _SCHEMA) as database:
            query = "SELECT attempts FROM deliveries WHERE id = ? AND channel = ?"
            attempts = database.execute(query, (alert_id, channel)).fetchone()[0]
            wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
            sql = "UPDATE deliveries SET next_try = ?, problem = ? WHERE id = ? AND channel = ?"
            database.execute(sql, (stamp(now + wait), problem, alert_id, channel))

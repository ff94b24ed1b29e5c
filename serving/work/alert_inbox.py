"""Raised alerts with their deliveries, and what people did about them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from rapport.serving.shapes.feed_answers import AlertFields
from rapport.serving.sqlite_files import stamp
from rapport.serving.work.database import work_database

MARKS = ("acknowledged", "muted", "open")
OVERDUE = timedelta(minutes=10)


class AlertMark(TypedDict):
    """What somebody did about an alert: ``value`` is acknowledged or muted."""

    subject: str
    value: str
    at: str
    by: str


class AlertDelivery(TypedDict):
    """The delivery of an alert on one channel; ``problem`` is the last failure, empty without any."""

    channel: str
    delivered_at: str | None
    problem: str


class InboxAlert(AlertFields):
    """A raised alert with its deliveries, and its mark where somebody set one."""

    deliveries: list[AlertDelivery]
    mark: AlertMark | None


class ChannelState(TypedDict):
    """What a channel of alerts delivered and what waits.

    ``failed`` of those that wait were tried in vain, ``overdue`` have been due for ten minutes: nobody sends them.
    """

    name: str
    delivered: int
    waiting: int
    failed: int
    overdue: int
    delivered_at: str | None
    problem: str


class AlertMarks:
    """Which alerts were acknowledged, or muted with their cause; kept as facts of the account ``alert:ID``."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def mark(self, alert_id: str, kind: str, *, by: str, at: str) -> None:
        """Mark an alert; ``open`` takes the mark back."""
        with work_database(self._data_dir) as store:
            store.execute(
                "INSERT INTO account_facts (customer_id, kind, subject, value, at, by) "
                "VALUES ('', 'alert', ?, ?, ?, ?)",
                (alert_id, "" if kind == "open" else kind, at, by),
            )

    def latest(self) -> dict[str, AlertMark]:
        """Return the mark of each alert that has one."""
        newest = "SELECT MAX(id) FROM account_facts WHERE kind = 'alert' GROUP BY subject"
        with work_database(self._data_dir) as store:
            rows = store.execute(
                f"SELECT subject, value, at, by FROM account_facts WHERE id IN ({newest}) AND value != ''"
            ).fetchall()
        return {
            row["subject"]: {"subject": row["subject"], "value": row["value"], "at": row["at"], "by": row["by"]}
            for row in rows
        }

    def channels(self, now: datetime) -> list[ChannelState]:
        """Return, for each channel of alerts, how many were delivered or wait, and the last failure."""
        path = self._data_dir / "alerts.db"
        if not path.is_file():
            return []
        sql = (
            "SELECT channel AS name, count(delivered_at) AS delivered, count(*) - count(delivered_at) AS waiting, "
            "count(CASE WHEN delivered_at IS NULL AND problem != '' THEN 1 END) AS failed, "
            "count(CASE WHEN delivered_at IS NULL AND next_try < ? THEN 1 END) AS overdue, "
            "max(delivered_at) AS delivered_at, coalesce(max(CASE WHEN delivered_at IS NULL THEN problem END), '') "
            "AS problem FROM deliveries GROUP BY channel ORDER BY channel"
        )
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as store:
            store.row_factory = sqlite3.Row
            return [_channel(row) for row in store.execute(sql, (stamp(now - OVERDUE),)).fetchall()]


def _channel(row: sqlite3.Row) -> ChannelState:
    return {
        "name": row["name"],
        "delivered": row["delivered"],
        "waiting": row["waiting"],
        "failed": row["failed"],
        "overdue": row["overdue"],
        "delivered_at": row["delivered_at"],
        "problem": row["problem"],
    }


def muted_causes(data_dir: Path) -> frozenset[tuple[str, str]]:
    """Return the customers and causes of muted alerts: no further alert of them is raised."""
    marks = AlertMarks(data_dir).latest()
    muted = [alert_id for alert_id, mark in marks.items() if mark["value"] == "muted"]
    path = data_dir / "alerts.db"
    if not muted or not path.is_file():
        return frozenset()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as store:
        sql = "SELECT customer_id, cause FROM alerts WHERE id IN (SELECT value FROM json_each(?))"
        return frozenset(store.execute(sql, (json.dumps(muted),)).fetchall())


def latest_alerts(data_dir: Path, limit: int) -> list[InboxAlert]:
    """Return the newest alerts of ``alerts.db`` with the state of their deliveries; none before the first alert job."""
    path = data_dir / "alerts.db"
    if not path.is_file():
        return []
    marks = AlertMarks(data_dir).latest()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as store:
        rows = store.execute(
            "SELECT id, customer_id, cause, as_of, body FROM alerts ORDER BY as_of DESC, rowid LIMIT ?", (limit,)
        ).fetchall()
        sent: dict[str, list[AlertDelivery]] = {}
        for alert_id, channel, delivered_at, problem in store.execute(
            "SELECT id, channel, delivered_at, problem FROM deliveries"
        ):
            sent.setdefault(alert_id, []).append({"channel": channel, "delivered_at": delivered_at, "problem": problem})
    found: list[InboxAlert] = []
    for alert_id, customer_id, cause, as_of, body in rows:
        stored: AlertFields = json.loads(body)
        stored |= {"id": alert_id, "customer_id": customer_id, "cause": cause, "as_of": as_of}
        found.append({**stored, "deliveries": sent.get(alert_id, []), "mark": marks.get(alert_id)})
    return found

"""Rows of a PostgreSQL database that were recorded since the last look, stored as events."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from rapport.errors import ServingError
from rapport.history.contract import FEATURE_TABLES, RECORDED_AT, Table, columns_of
from rapport.history.settings import Settings
from rapport.history.sources.postgres import redacted_url
from rapport.history.sql import quoted
from rapport.serving.live.change_store import ChangeStore
from rapport.serving.live.event_rows import plain
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.snapshots.live_model import LiveModel

_AT_ONCE = 500
# A transaction may commit later than it recorded its rows; rows that were seen before are stored once.
_OVERLAP = timedelta(minutes=5)


class DatabasePoll:
    """Follows the tables of one database that have a recording time."""

    def __init__(self, url: str, settings: Settings, progress: ChangeStore, intake: EventIntake) -> None:
        self._url, self._settings, self._progress, self._intake = url, settings, progress, intake
        self._refused: set[str] = set()

    def round(self, model: LiveModel, now: datetime) -> tuple[int, list[str]]:
        """Store the rows that were recorded since the last round; return how many were new, and who was refused why.

        A refused row does not keep back the others; it is named once.
        """
        try:
            driver = import_module("adbc_driver_postgresql.dbapi")
        except ModuleNotFoundError as error:
            raise ServingError("PostgreSQL needs the extra 'sql': pip install 'rapport-crm[sql]'.") from error
        try:
            with closing(driver.connect(self._url)) as server:
                found = [self._follow(server, table, model, now) for table in FEATURE_TABLES]
                return sum(new for new, _ in found), [line for _, lines in found for line in lines]
        except driver.Error as error:
            reason = str(error).splitlines()[0]
            raise ServingError(f"{redacted_url(self._url)}: cannot be read: {reason}") from error

    def _follow(self, server: object, table: Table, model: LiveModel, now: datetime) -> tuple[int, list[str]]:
        columns = self._columns(server, table)
        if RECORDED_AT.name not in columns or "customer_id" not in columns:
            return 0, []
        name = f"poll {table.name}"
        since = self._progress.progress(name) or model.snapshot.run.manifest.scored_at
        rows = self._rows(server, table, columns, datetime.fromisoformat(since) - _OVERLAP)
        events, accepted, lines = [_event(table, row) for row in rows], 0, list[str]()
        events = [event for event in events if event.event_id not in self._refused]
        for first in range(0, len(events), _AT_ONCE):
            new, refused = self._intake.accept_each(events[first : first + _AT_ONCE], model, by="database", now=now)
            accepted += new
            lines += [f"database, {table.name}: a row of {event.customer_id} refused: {why}" for event, why in refused]
            self._refused |= {event.event_id for event, _ in refused}
        if rows:
            self._progress.set_progress(name, max(str(row[RECORDED_AT.name]) for row in rows))
        return accepted, lines

    def _columns(self, server: Any, table: Table) -> dict[str, str]:
        """Return the contract's columns that the table has, with their own names."""
        own = dict(self._settings.mapping.get(table.name, {}))
        name = own.pop("table", table.name).split(".")[-1]
        with closing(server.cursor()) as cursor:
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = $1", (name,))
            there = {str(row[0]) for row in cursor.fetchall()}
        wanted = {column.name: own.get(column.name, column.name) for column in columns_of(table)}
        return {column: mine for column, mine in wanted.items() if mine in there}

    def _rows(self, server: Any, table: Table, columns: dict[str, str], since: datetime) -> list[dict[str, Any]]:
        own_table = self._settings.mapping.get(table.name, {}).get("table", table.name)
        shown = ", ".join(f"{quoted(mine)} AS {quoted(column)}" for column, mine in columns.items())
        source = ".".join(quoted(part) for part in own_table.split("."))
        recorded = quoted(columns[RECORDED_AT.name])
        with closing(server.cursor()) as cursor:
            cursor.execute(f"SELECT {shown} FROM {source} WHERE {recorded} >= $1 ORDER BY {recorded}", (since,))
            found = cursor.fetch_arrow_table().to_pylist()
        return [{name: _plain(value) for name, value in row.items() if value is not None} for row in found]


def _plain(value: object) -> Any:
    # NUMERIC arrives as text or as a decimal.
    return plain(value) if isinstance(value, str | int | float | bool | datetime) else str(value)


def _event(table: Table, row: dict[str, object]) -> SentEvent:
    digest = hashlib.sha256(json.dumps([table.name, row], sort_keys=True, default=str).encode()).hexdigest()[:32]
    return SentEvent(str(row["customer_id"]), table.name, row, event_id=f"db:{digest}")

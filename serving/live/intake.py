"""Intake of events: check each row by the contract, note what the source has of it, and store it before the receipt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from rapport.errors import RapportError
from rapport.history.contract import FEATURE_TABLES, by_name
from rapport.history.settings import Settings
from rapport.serving.errors import RequestError, message
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.live.event_rows import Row, base_of, has_row, merged, read_rows
from rapport.serving.live.event_store import EventStore, NewEvent
from rapport.serving.live.overlay import LiveOverlay
from rapport.serving.snapshots.live_model import LiveModel

_NAMES = frozenset(table.name for table in FEATURE_TABLES)


@dataclass(frozen=True)
class SentEvent:
    """One row as a caller sends it; it replaces the event ``corrects`` or the source's row ``was``."""

    customer_id: str
    table: str
    row: Mapping[str, Any] | None
    event_id: str = ""
    corrects: str = ""
    was: Mapping[str, Any] | None = None


class EventIntake:
    """Accepts events for one data folder; used by the API, the drop folder and the database poll."""

    def __init__(self, store: EventStore, overlay: LiveOverlay, settings: Settings, databases: DatabasePool) -> None:
        self._store, self._overlay, self._settings, self._databases = store, overlay, settings, databases

    def accept(
        self, events: Sequence[SentEvent], model: LiveModel | None, *, by: str, now: datetime, key: str = ""
    ) -> dict[str, Any]:
        """Store all events or none, and return the receipt; the same request twice has the same receipt."""
        self._refuse_forgotten(events)
        body_hash = hashlib.sha256(repr(events).encode()).hexdigest()
        request_key = f"{by}\n{key}" if key else ""
        if key and (earlier := self._store.receipt(request_key, body_hash)):
            return earlier
        stored = self._store.add(self._new_events(events, model, request_key), by=by, now=now)
        self._overlay.note()
        receipt = self._receipt(events, stored, model)
        if key:
            self._store.keep_receipt(request_key, body_hash, receipt)
        return receipt

    def accept_each(
        self, events: Sequence[SentEvent], model: LiveModel | None, *, by: str, now: datetime
    ) -> tuple[int, list[tuple[SentEvent, str]]]:
        """Store events together; if one is refused, one by one. Return how many were new, and the refused ones."""
        try:
            return self.accept(events, model, by=by, now=now)["accepted"], []
        except RapportError as error:
            if len(events) == 1:
                return 0, [(events[0], str(error))]
        found = [self.accept_each([one], model, by=by, now=now) for one in events]
        return sum(new for new, _ in found), [refused for _, some in found for refused in some]

    def _refuse_forgotten(self, events: Sequence[SentEvent]) -> None:
        forgotten = self._store.suppressed.of({event.customer_id for event in events})
        for position, event in enumerate(events):
            if event.customer_id in forgotten:
                raise RequestError(422, message("forgotten"), where=f"events.{position}.customer_id")

    def _new_events(self, events: Sequence[SentEvent], model: LiveModel | None, key: str) -> list[NewEvent]:
        rows, replaced = self._read(events), self._read_replaced(events)
        ids = sorted({event.customer_id for event in events})
        tables = {event.table for event in events}
        source: dict[tuple[str, str], list[Row]] = {}
        for table, its_rows in model.snapshot.contract_rows.of(ids, tables).items() if model is not None else ():
            for one in its_rows:
                source.setdefault((table, one["customer_id"]), []).append(one)
        found = []
        for position, (event, row, was) in enumerate(zip(events, rows, replaced, strict=True)):
            theirs = source.get((event.table, event.customer_id), [])
            # With an idempotency key a retry finds the same ids, even if the receipt was not stored.
            event_id = event.event_id or (_derived_id(key, position) if key else uuid4().hex)
            # A retry finds its row replaced already.
            if event.was is not None and was is not None and self._store.by_id(event_id) is None:
                self._check_replaced(event, theirs, was, position)
            base = base_of(by_name(event.table), row, theirs, was)
            found.append(NewEvent(event_id, event.table, event.customer_id, row, was, base))
        return found

    def _read(self, events: Sequence[SentEvent]) -> list[Row | None]:
        """Return the row of each event as the contract reads it."""
        found: list[Row | None] = []
        with self._databases.borrow() as database:
            for position, event in enumerate(events):
                _check(event, position)
                row = None if event.row is None else {**event.row, "customer_id": event.customer_id}
                table = by_name(event.table)
                found.append(None if row is None else read_rows(table, row, self._settings, database, position))
        return found

    def _read_replaced(self, events: Sequence[SentEvent]) -> list[Row | None]:
        found: list[Row | None] = []
        batch = {event.event_id: event for event in events if event.event_id}
        with self._databases.borrow() as database:
            for position, event in enumerate(events):
                was: Mapping[str, object] | None = event.was
                if event.corrects and event.corrects in batch:
                    was = batch[event.corrects].row
                elif event.corrects:
                    was = self._corrected(event, position)
                row = None if was is None else {**was, "customer_id": event.customer_id}
                table = by_name(event.table)
                read = None if row is None else read_rows(table, row, self._settings, database, position, partial=True)
                found.append(read)
        return found

    def _check_replaced(self, event: SentEvent, source: Sequence[Row], was: Row, position: int) -> None:
        """Refuse to replace a row that is not there: the new row would be lost without a word."""
        earlier = [one for one in self._store.of([event.customer_id])[event.customer_id] if one.table == event.table]
        if not has_row(event.table, merged(event.table, source, earlier)[0], was):
            raise RequestError(
                422, "The source has no row with these values; check 'was'.", where=f"events.{position}.was"
            )

    def _corrected(self, event: SentEvent, position: int) -> Row | None:
        earlier = self._store.by_id(event.corrects)
        if earlier is None or (earlier.table, earlier.customer_id) != (event.table, event.customer_id):
            raise RequestError(
                422,
                f"There is no event {event.corrects} of this customer in {event.table} to be corrected.",
                where=f"events.{position}.corrects",
            )
        return dict(earlier.row) if earlier.row is not None else None

    def _receipt(
        self, events: Sequence[SentEvent], stored: Sequence[tuple[int, datetime, bool]], model: LiveModel | None
    ) -> dict[str, object]:
        present = set(model.snapshot.run.manifest.present) if model is not None else _NAMES
        return {
            "accepted": sum(new for _, _, new in stored),
            "repeated_events": sum(not new for _, _, new in stored),
            "received_at": max(at for _, at, _ in stored).isoformat(),
            "last": max(seq for seq, _, _ in stored),
            # Features of a table that no scoring run has read are unknown for everyone.
            "unused_tables": sorted({event.table for event in events} - present),
        }


def _check(event: SentEvent, position: int) -> None:
    where = f"events.{position}"
    if event.table not in _NAMES:
        raise RequestError(422, f"No such table. The contract has {', '.join(sorted(_NAMES))}.", where=f"{where}.table")
    if event.row is None and event.was is None and not event.corrects:
        raise RequestError(422, "An event without a row deletes one: name it in 'corrects' or 'was'.", where=where)
    own = (event.row or {}).get("customer_id", event.customer_id)
    if own != event.customer_id:
        raise RequestError(422, "The row belongs to another customer.", where=f"{where}.row.customer_id")


def _derived_id(key: str, position: int) -> str:
    return hashlib.sha256(json.dumps([key, position]).encode()).hexdigest()[:32]

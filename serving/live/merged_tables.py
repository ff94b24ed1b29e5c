"""The tables of some customers as a run published them, with their events on top; as columns for the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from rapport.history.contract import Table, by_name, columns_of
from rapport.serving.live.event_rows import Row, identity_column, merged
from rapport.serving.live.event_store import StoredEvent
from rapport.serving.snapshots.contract_rows import Cells, rows_of

_Events = Mapping[str, Sequence[StoredEvent]]
"""Events by customer."""


def merged_tables(run: Mapping[str, Cells], events: _Events) -> tuple[dict[str, Cells], dict[str, list[int]]]:
    """Return the run's rows of some customers with their events, and the events that are not in the source.

    The rows of one customer stand together in ``run``.
    """
    tables, waiting = dict(run), dict[str, list[int]]()
    for name, theirs in _by_table(events).items():
        adds_only = by_name(name).key is None and all(_is_plain(each) for some in theirs.values() for each in some)
        merge = _with_new_rows if adds_only else _with_changed_rows
        tables[name], news = merge(by_name(name), run.get(name, {}), theirs)
        for customer_id, seqs in news.items():
            waiting.setdefault(customer_id, []).extend(seqs)
    return tables, waiting


def _by_table(events: _Events) -> dict[str, dict[str, list[StoredEvent]]]:
    found: dict[str, dict[str, list[StoredEvent]]] = {}
    for customer_id, theirs in events.items():
        for event in theirs:
            found.setdefault(event.table, {}).setdefault(customer_id, []).append(event)
    return found


def _is_plain(event: StoredEvent) -> bool:
    return event.row is not None and event.was is None


def _with_new_rows(table: Table, source: Cells, events: _Events) -> tuple[Cells, dict[str, list[int]]]:
    """Add rows to a table without a key: the same as ``merged`` without touching the source's rows, which are many."""
    name = identity_column(table)
    ids = source.get("customer_id", [])
    covered = Counter(zip(ids, source.get(name, [None] * len(ids)), strict=True))
    used = Counter[tuple[str, object]]()
    rows: list[Row] = []
    waiting: dict[str, list[int]] = {}
    for customer_id, theirs in events.items():
        news = waiting.setdefault(customer_id, [])
        for event in theirs:
            assert event.row is not None
            own = event.row.get(name) if name != table.time else _moment(event.row.get(name))
            used[customer_id, own] += 1
            if used[customer_id, own] > covered[customer_id, own] - int(event.base or 0):
                rows.append(dict(event.row))
                news.append(event.seq)
    return _joined(source, cells_of(table, rows)), waiting


def _with_changed_rows(table: Table, source: Cells, events: _Events) -> tuple[Cells, dict[str, list[int]]]:
    kept: list[int] = []
    by_customer: dict[str, list[Row]] = {}
    for customer_id, places in groupby(
        range(len(source.get("customer_id", []))), source.get("customer_id", []).__getitem__
    ):
        if customer_id in events:
            own = list(places)
            by_customer[customer_id] = rows_of({column: [cells[at] for at in own] for column, cells in source.items()})
        else:
            kept += places
    rows: list[Row] = []
    waiting: dict[str, list[int]] = {}
    for customer_id, theirs in events.items():
        own_rows, waiting[customer_id] = merged(table.name, by_customer.get(customer_id, []), theirs)
        rows += own_rows
    others = {column: [cells[at] for at in kept] for column, cells in source.items()}
    return _joined(others, cells_of(table, rows)), waiting


def _joined(first: Cells, second: Cells) -> Cells:
    """Return rows below other rows; cells of columns that only one of them has are unknown in the other."""
    nothing_before, nothing_after = ([None] * len(each.get("customer_id", ())) for each in (first, second))
    return {name: first.get(name, nothing_before) + second.get(name, nothing_after) for name in {**first, **second}}


def cells_of(table: Table, rows: Sequence[Row]) -> Cells:
    """Return the columns of rows, of which those of events hold times as JSON texts, in local time."""
    times = {column.name for column in columns_of(table) if column.kind == "time"}
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [_moment(row.get(name)) if name in times else row.get(name) for row in rows] for name in names}


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value

"""Rows of events: read by the contract like a scoring run's rows, and merged with the rows that a run published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rapport.errors import TableError
from rapport.history import History, history_of
from rapport.history.contract import CUSTOMERS, RECORDED_AT, Table, by_name, columns_of
from rapport.history.reading.database import Database
from rapport.history.settings import Settings
from rapport.serving.errors import RequestError
from rapport.serving.live.event_store import StoredEvent

Row = dict[str, Any]


def read_rows(
    table: Table,
    row: Mapping[str, object],
    settings: Settings,
    database: Database,
    position: int,
    *,
    partial: bool = False,
) -> Row:
    """Return a row as the contract reads it, with the columns that it gives; refuse what a scoring run would reject.

    A ``partial`` row names a stored row by some of its columns.
    """
    known = {column.name: column for column in columns_of(table)}
    if (odd := sorted(set(row) - set(known))) and table is not CUSTOMERS:
        raise RequestError(422, f"{table.name} has no column {odd[0]}.", where=f"events.{position}.row.{odd[0]}")
    filled = {**_fillers_of(table), **row} if partial else row
    try:
        with history_of({table.name: [dict(filled)]}, settings, database, complete=False) as history:
            cells = _checked_cells(history, table, position)
    except TableError as error:
        raise RequestError(422, str(error), where=f"events.{position}.row") from error
    event_row = {*row, "customer_id"} | ({"sentiment"} if cells.get("sentiment") is not None else set())
    return {name: plain(value) for name, value in cells.items() if name in event_row}


def _fillers_of(table: Table) -> Row:
    """Return values of the required columns, so that a part of a row can be read."""
    values = {"id": "-", "time": "2000-01-01", "number": 1.0, "flag": False, "text": "-"}
    return {column.name: values[column.kind] for column in table.columns if column.required}


def _checked_cells(history: History, table: Table, position: int) -> Row:
    if history.rejected.total:
        first = history.rejected.rows.slice(0, 1).to_pylist()[0]
        where = f"events.{position}.row.{first['column']}"
        raise RequestError(422, f"{table.name}, {first['column']}: {first['reason']}", where=where)
    return _cells(history, table)


def _cells(history: History, table: Table) -> Row:
    if history.parsed is not None:
        parsed = history.parsed[table.name]
        return {name: cells[0] for name, cells in {**parsed.cells, **parsed.attributes}.items()}
    return dict(history.connection.sql(f"SELECT * FROM {table.name}").to_arrow_table().to_pylist()[0])


def base_of(
    table: Table, row: Mapping[str, object] | None, source: Sequence[Row], was: Mapping[str, object] | None = None
) -> object:
    """Return what the source has of a row now: the given columns of its key's row, or a count of rows."""
    if row is None:
        return None
    if table.key is None:
        same = [one for one in source if _identity(table, one) == _identity(table, row)]
        # A row that the source has already is no news, however late its event comes.
        others = [one for one in same if not _equal(table, one, row)]
        return sum(was is None or not _equal(table, one, was) for one in others)
    stored = next((one for one in source if one.get(table.key) == row.get(table.key)), None)
    return None if stored is None else {name: plain(stored.get(name)) for name in row}


def merged(name: str, source: Sequence[Row], events: Sequence[StoredEvent]) -> tuple[list[Row], list[int]]:
    """Return the rows of one table and customer with its events, and the events that the source does not have."""
    table = by_name(name)
    rows, waiting = (_merged_lines if table.key is None else _merged_by_key)(table, source, events)
    # A correction of an event that never reached the source may leave nothing to wait for.
    replaced = waiting and any(event.was is not None for event in events)
    unchanged = replaced and sorted(map(_text, rows)) == sorted(map(_text, source))
    return rows, [] if unchanged else waiting


def _merged_by_key(table: Table, source: Sequence[Row], events: Sequence[StoredEvent]) -> tuple[list[Row], list[int]]:
    key = str(table.key)
    rows: dict[object, Row] = {row[key]: dict(row) for row in source}
    waiting: list[int] = []
    earlier: dict[object, list[Mapping[str, object]]] = {}
    stored = {row[key]: row for row in source}
    for event in events:
        if event.row is None:
            if event.was and rows.pop(event.was.get(key), None) is not None:
                waiting.append(event.seq)
            continue
        own = event.row[key]
        before = stored.get(own)
        if _is_news(table, event, before, earlier.get(own, ())):
            waiting.append(event.seq)
            rows[own] = {**rows.get(own, {}), **event.row}
        elif before is not None:
            rows[own] = {**rows.get(own, {}), **{column: before.get(column) for column in event.row}}
        earlier.setdefault(own, []).append(event.row)
    return list(rows.values()), waiting


def _is_news(table: Table, event: StoredEvent, source: Row | None, earlier: Iterable[Mapping[str, object]]) -> bool:
    """Whether the source still has what it had at receipt, or an earlier event; else it is newer and wins."""
    assert event.row is not None
    if source is None:
        return True
    names = _compared(table, event.row)
    now = [plain(source.get(name)) for name in names]
    if now == [event.row[name] for name in names]:
        return False
    known = [*([event.base] if event.base else []), *earlier]
    return any([row.get(name) for name in names] == now for row in known)


def _merged_lines(table: Table, source: Sequence[Row], events: Sequence[StoredEvent]) -> tuple[list[Row], list[int]]:
    """Merge rows without a key: the source has an event's row once it has one more row of the same identity."""
    rows, waiting = list(source), []
    used: dict[object, int] = {}
    for event in events:
        replaced = event.was is not None and _removed(table, rows, event.was)
        is_news = replaced
        if event.row is not None and event.was is None:
            identity = _identity(table, event.row)
            covered = sum(_identity(table, row) == identity for row in source) - int(event.base or 0)
            used[identity] = used.get(identity, 0) + 1
            is_news = used[identity] > covered
        # A correction whose wrong row is gone was made in the source, too.
        if is_news:
            rows += [] if event.row is None else [dict(event.row)]
            waiting.append(event.seq)
    return rows, waiting


def has_row(name: str, rows: Sequence[Row], was: Mapping[str, object]) -> bool:
    """Whether some row has these values."""
    return any(_equal(by_name(name), row, was) for row in rows)


def _removed(table: Table, rows: list[Row], was: Mapping[str, object]) -> bool:
    """Remove the first row that has these values; return whether there was one."""
    position = next((at for at, row in enumerate(rows) if _equal(table, row, was)), None)
    if position is not None:
        rows.pop(position)
    return position is not None


def identity_column(table: Table) -> str:
    """Return what two systems agree on about a row without a key: the order's number, else the time."""
    return "order_id" if table.name == "orders" else table.time


def _identity(table: Table, row: Mapping[str, object]) -> object:
    return plain(row.get(identity_column(table)))


def _equal(table: Table, row: Mapping[str, object], event_row: Mapping[str, object]) -> bool:
    return all(plain(row.get(name)) == event_row[name] for name in _compared(table, event_row))


def _compared(table: Table, event_row: Mapping[str, object]) -> list[str]:
    """Return the columns that tell whether two rows are the same; the recording time is each system's own."""
    # Runs publish no texts.
    return [name for name in event_row if name != "text" and (name != RECORDED_AT.name or table.time == name)]


def _text(row: Mapping[str, object]) -> str:
    return repr(sorted((name, plain(value)) for name, value in row.items() if value is not None))


def plain(value: object) -> object:
    """Return a value as JSON holds it."""
    return value.isoformat() if isinstance(value, datetime) else value

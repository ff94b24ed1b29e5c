"""The door of the past on arrays: the columns that a program reads, of what was known before an instant.

Step by step the same as ``sources.prepared_sql``; a law holds both to the same cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.program import ROWS
from rapport.features.arrays.rows import picked
from rapport.features.arrays.texts import Texts
from rapport.features.arrays.values import LEAST, Column
from rapport.features.measures import TICKS
from rapport.features.sources import DAY_US, EPOCH, MICROSECOND, PREPARED, prepared_arrays, schema
from rapport.history import History
from rapport.history.contract import RECORDED_AT, TABLES, Table, columns_of
from rapport.history.quick import Quick

Cells = dict[tuple[str, str], Any]
"""Columns by source and name; of ids a list until they are numbered."""

_NUMPY = {"int32": np.int32, "int64": np.int64, "boolean": np.bool_}
_KINDS = {source: schema(table) for source, table in PREPARED.items()}
_COLUMNS = {table.name: {column.name: column for column in columns_of(table)} for table in TABLES}
_IDS = frozenset(column.name for table in TABLES for column in table.columns if column.kind == "id")


class Door:
    """Lets through what a program has as inputs; made once, used by any thread."""

    def __init__(self, inputs: Iterable[tuple[str, str]]) -> None:
        self.wanted: dict[str, list[str]] = {}
        for source, name in inputs:
            self.wanted.setdefault(source, []).append(name)

    def cells(self, history: History, turn_us: int, before: datetime) -> tuple[Cells, list[str]]:
        """Return the cells of what was known before the instant, and the customers that are numbered in them."""
        found: Cells = {}
        for source, names in self.wanted.items():
            columns = _columns(history, source, names, turn_us, before)
            rows = len(columns["customer_id"])
            found |= {(source, name): column for name, column in columns.items()}
            found[source, ROWS] = rows
        return found, _numbered(found)


def _columns(history: History, source: str, names: Sequence[str], turn_us: int, before: datetime) -> dict[str, Any]:
    table, names = PREPARED[source], [name for name in ("customer_id", *names) if name != ROWS]
    if not history.rows.get(table.name):
        return {name: _nothing(name, _KINDS[source][name]) for name in names}
    if history.quick is not None:
        past = _Past(history.quick[table.name], table, turn_us, before)
        return {name: past.column(name) for name in names}
    fetched = prepared_arrays(history.connection, table, turn_us, before)
    return {name: _fetched(name, _KINDS[source][name], fetched[name]) for name in names}


def _nothing(name: str, kind: str) -> Any:
    if name in _IDS:
        return []
    return (Texts.of([]) if kind == "string" else np.zeros(0, _NUMPY[kind])), None


def _fetched(name: str, kind: str, values: Any) -> Any:
    plain, missing = np.ma.getdata(values), np.ma.getmaskarray(values)
    if kind == "string":
        cells = [None if gone else cell for cell, gone in zip(plain.tolist(), missing.tolist(), strict=True)]
        return cells if name in _IDS else _texts(cells)
    return plain, missing if missing.any() else None


def _numbered(cells: Cells) -> list[str]:
    """Put numbers for the ids of each kind, in their order over all tables; return the customers."""
    customers: list[str] = []
    for name in dict.fromkeys(name for _, name in cells if name in _IDS):
        keys = [key for key in cells if key[1] == name]
        ids = sorted({each for key in keys for each in cells[key] if each is not None})
        numbers: dict[str | None, int] = dict(zip(ids, range(len(ids)), strict=True))
        for key in keys:
            cells[key] = np.array([numbers.get(each, 0) for each in cells[key]], np.int64), _missing(cells[key])
        if name == "customer_id":
            customers = ids
    return customers


class _Past:
    """One table that was read without a database, as it was known before an instant."""

    def __init__(self, quick: Quick, table: Table, turn_us: int, before: datetime) -> None:
        self.quick, self.columns, self.turn_us = quick, _COLUMNS[table.name], turn_us
        self.happened, self.recorded = self._microseconds(table.time), self._microseconds(RECORDED_AT.name)
        limit = np.int64((before - EPOCH) // MICROSECOND)
        # Behind a time that is not known stands the least of all numbers.
        past = (self.happened[0] < limit) & (self.recorded[0] < limit)
        self.places = None if past.all() else np.flatnonzero(past)

    def column(self, name: str) -> Any:
        """Return a column of the prepared table; of ids a list."""
        if name in _IDS:
            cells = self.quick.cells[name]
            return cells if self.places is None else [cells[place] for place in self.places]
        return picked(self._whole(name), self.places)

    def _whole(self, name: str) -> Column:
        if name in self.columns:
            return self._told(name)
        if name in ("day", "second"):
            moment = _first_known(self.happened, self.recorded)
            return self._days(moment) if name == "day" else _seconds(moment)
        time, _, part = name.rpartition("_")
        found = self._microseconds(time)
        return self._days(found) if part == "day" else found

    def _told(self, name: str) -> Column:
        cells, column = self.quick.cells[name], self.columns[name]
        if column.later == RECORDED_AT.name:
            recorded = self.quick.cells[RECORDED_AT.name]
            cells = [cell if when is not None else None for cell, when in zip(cells, recorded, strict=True)]
        if column.kind == "number":
            return _ticks(cells)
        if column.kind == "flag":
            return np.array([bool(cell) for cell in cells]), _missing(cells)
        return _texts(cells)

    def _microseconds(self, name: str) -> Column:
        if name not in self.quick.present:
            return np.full(self.quick.rows, LEAST), np.ones(self.quick.rows, bool)
        times = np.array(self.quick.cells[name], "datetime64[us]")
        missing = np.isnat(times)
        return times.view(np.int64), missing if missing.any() else None

    def _days(self, microseconds: Column) -> Column:
        return ((microseconds[0] - self.turn_us) // DAY_US).astype(np.int32), microseconds[1]


def _first_known(first: Column, second: Column) -> Column:
    """Return the first where it is known, else the second."""
    if first[1] is None:
        return first
    return np.where(first[1], second[0], first[0]), first[1] if second[1] is None else first[1] & second[1]


def _seconds(microseconds: Column) -> Column:
    """Divide towards zero, as the database does."""
    values, missing = microseconds
    return (values - np.fmod(values, 1_000_000)) // 1_000_000, missing


def _texts(cells: Sequence[str | None]) -> Column:
    return Texts.of(cells), _missing(cells)


def _ticks(cells: Sequence[float | None]) -> Column:
    """Return numbers as whole ticks; halves away from zero, and nothing where a whole number cannot hold them."""
    values = np.array([0.0 if cell is None else cell for cell in cells], float) * TICKS
    whole = np.trunc(values)
    whole += np.sign(values) * (np.abs(values - whole) >= 0.5)
    missing, beyond = _missing(cells), np.abs(whole) >= 2.0**63
    if beyond.any():
        whole, missing = np.where(beyond, 0.0, whole), beyond if missing is None else missing | beyond
    return whole.astype(np.int64), missing


def _missing(cells: Sequence[Any]) -> npt.NDArray[np.bool_] | None:
    return np.array([cell is None for cell in cells], bool) if None in cells else None

"""The point-in-time filter on arrays: input columns as they were known before an instant.

Step by step the same as ``prepared_tables.prepared_sql``; a law test holds both to the same cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.features.arrays.column import Column, Flags
from rapport.features.arrays.reductions import INT64_MIN
from rapport.features.arrays.rows import take_rows
from rapport.features.arrays.texts import EncodedTexts
from rapport.features.arrays.verbs import ROWS
from rapport.features.engine.clock import DAY_US, EPOCH, MICROSECOND
from rapport.features.engine.prepared_tables import PREPARED_TABLES, prepared_arrays, prepared_schema
from rapport.features.measures import FIXED_POINT_SCALE
from rapport.history import History
from rapport.history.contract import FEATURE_TABLES, RECORDED_AT, Table, columns_of
from rapport.history.reading.fast_reader import ParsedTable

Cells = dict[tuple[str, str], Any]
"""Input columns by prepared table and name; ids are lists until they are numbered."""

_NUMPY = {"int32": np.int32, "int64": np.int64, "boolean": np.bool_}
_KINDS = {source: prepared_schema(table) for source, table in PREPARED_TABLES.items()}
_COLUMNS = {table.name: {column.name: column for column in columns_of(table)} for table in FEATURE_TABLES}
_IDS = frozenset(column.name for table in FEATURE_TABLES for column in table.columns if column.kind == "id")


def cells_as_of(
    history: History, wanted: Mapping[str, Sequence[str]], day_start_us: int, before: datetime
) -> tuple[Cells, list[str]]:
    """Return the wanted columns of prepared tables as known before the instant, and the ids of their customers."""
    found: Cells = {}
    for source, names in wanted.items():
        columns = _columns(history, source, names, day_start_us, before)
        rows = len(columns["customer_id"])
        found |= {(source, name): column for name, column in columns.items()}
        found[source, ROWS] = rows
    return found, _numbered(found)


def _columns(
    history: History, source: str, names: Sequence[str], day_start_us: int, before: datetime
) -> dict[str, Any]:
    table, names = PREPARED_TABLES[source], [name for name in ("customer_id", *names) if name != ROWS]
    if not history.rows.get(table.name):
        return {name: _empty(name, _KINDS[source][name]) for name in names}
    if history.parsed is not None:
        as_of = _TableAsOf(history.parsed[table.name], table, day_start_us, before)
        return {name: as_of.column(name) for name in names}
    fetched = prepared_arrays(history.connection, table, day_start_us, before)
    return {name: _fetched(name, _KINDS[source][name], fetched[name]) for name in names}


def _empty(name: str, kind: str) -> object:
    if name in _IDS:
        return []
    return (EncodedTexts.of([]) if kind == "string" else np.zeros(0, _NUMPY[kind])), None


def _fetched(name: str, kind: str, values: Any) -> Any:
    plain, missing = np.ma.getdata(values), np.ma.getmaskarray(values)
    if kind == "string":
        cells = [None if null else cell for cell, null in zip(plain.tolist(), missing.tolist(), strict=True)]
        return cells if name in _IDS else _texts(cells)
    return plain, missing if missing.any() else None


def _numbered(cells: Cells) -> list[str]:
    """Replace the ids of each column name by numbers, in sorted order over all tables; return the customer ids."""
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


class _TableAsOf:
    """One table that was parsed without a database, as it was known before an instant."""

    def __init__(self, parsed: ParsedTable, table: Table, day_start_us: int, before: datetime) -> None:
        self.parsed, self.columns, self.day_start_us = parsed, _COLUMNS[table.name], day_start_us
        self.happened, self.recorded = self._microseconds(table.time), self._microseconds(RECORDED_AT.name)
        limit = np.int64((before - EPOCH) // MICROSECOND)
        # An unknown time has the smallest integer as its value.
        past = (self.happened[0] < limit) & (self.recorded[0] < limit)
        self.indices = None if past.all() else np.flatnonzero(past)

    def column(self, name: str) -> Any:
        """Return a column of the prepared table; a list for ids."""
        if name in _IDS:
            cells = self.parsed.cells[name]
            return cells if self.indices is None else [cells[index] for index in self.indices]
        return take_rows(self._all_rows(name), self.indices)

    def _all_rows(self, name: str) -> Column:
        if name in self.columns:
            return self._contract_column(name)
        if name in ("day", "second"):
            time = _coalesce(self.happened, self.recorded)
            return self._days(time) if name == "day" else _seconds(time)
        fact, _, unit = name.rpartition("_")
        microseconds = self._microseconds(fact)
        return self._days(microseconds) if unit == "day" else microseconds

    def _contract_column(self, name: str) -> Column:
        cells, column = self.parsed.cells[name], self.columns[name]
        if column.later == RECORDED_AT.name:
            recorded = self.parsed.cells[RECORDED_AT.name]
            cells = [cell if when is not None else None for cell, when in zip(cells, recorded, strict=True)]
        if column.kind == "number":
            return _fixed_point(cells)
        if column.kind == "flag":
            return np.array([bool(cell) for cell in cells]), _missing(cells)
        return _texts(cells)

    def _microseconds(self, name: str) -> Column:
        if name not in self.parsed.present:
            return np.full(self.parsed.rows, INT64_MIN), np.ones(self.parsed.rows, bool)
        # Arrow reads times of Python ten times faster than NumPy.
        times = pa.array(self.parsed.cells[name], pa.timestamp("us")).to_numpy(zero_copy_only=False)
        missing = np.isnat(times)
        return times.view(np.int64), missing if missing.any() else None

    def _days(self, microseconds: Column) -> Column:
        return ((microseconds[0] - self.day_start_us) // DAY_US).astype(np.int32), microseconds[1]


def _coalesce(first: Column, second: Column) -> Column:
    """Return the first column where it is not null, else the second."""
    if first[1] is None:
        return first
    return np.where(first[1], second[0], first[0]), first[1] if second[1] is None else first[1] & second[1]


def _seconds(microseconds: Column) -> Column:
    """Convert to seconds, rounding towards zero as the database does."""
    values, missing = microseconds
    return (values - np.fmod(values, 1_000_000)) // 1_000_000, missing


def _texts(cells: Sequence[str | None]) -> Column:
    return EncodedTexts.of(cells), _missing(cells)


def _fixed_point(cells: Sequence[float | None]) -> Column:
    """Return numbers as fixed point, halves away from zero; null where they do not fit into 64 bits."""
    values = np.array([0.0 if cell is None else cell for cell in cells], float) * FIXED_POINT_SCALE
    integers = np.trunc(values)
    integers += np.sign(values) * (np.abs(values - integers) >= 0.5)
    missing, overflow = _missing(cells), np.abs(integers) >= 2.0**63
    if overflow.any():
        integers, missing = np.where(overflow, 0.0, integers), overflow if missing is None else missing | overflow
    return integers.astype(np.int64), missing


def _missing(cells: Sequence[Any]) -> Flags | None:
    return np.array([cell is None for cell in cells], bool) if None in cells else None

"""One cutoff of a small history: the same steps as the database's, on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays.program import Program
from features.arrays.values import Column
from features.plan import Plan, StreamPlan
from features.sources import Moment, prepared_arrays, prepared_cells, schema
from history import History
from history.contract import TABLES

Tables = Mapping[str, tuple[dict[str, Column], int]]


class ArrayPlan:
    """A plan compiled to programs; made once, used by any thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.gather, self.finish = (Program.of(expression) for expression in plan.expressions)
        self.streams = {stream.name: tuple(map(Program.of, stream.expressions)) for stream in plan.streams}
        self.nobody = {stream.name: _nobody(stream) for stream in plan.streams}


def small_snapshot(
    compiled: ArrayPlan, history: History, before: datetime, cutoff: Moment, active_from: int
) -> pa.Table:
    """Return the finished measures of every customer known at the cutoff, in order of customer_id.

    ``before`` is the cutoff on the company's clock, ``active_from`` the day on which the active window begins.
    """
    filled = [name for name, rows in history.rows.items() if rows]
    sources = {f"src_{name}": _source(history, name, cutoff.turn_us, before) for name in filled}
    sources |= {f"src_{name}": _empty(name) for name in _kinds if name not in filled}
    merged = {f"merged_{name}": empty for name, empty in compiled.nobody.items()}
    for stream in compiled.plan.streams:
        if stream.can_have_rows(filled):
            rows, merge = compiled.streams[stream.name]
            past = _past(_run(rows, sources), cutoff.day)
            merged[f"merged_{stream.name}"] = _run(merge, {f"past_{stream.name}": past})
    people = np.unique(np.concatenate([columns["customer_id"][0] for columns, _ in merged.values()]))
    everyone: dict[str, Column] = {
        "customer_id": (people, None),
        "cutoff": (np.full(len(people), cutoff.day, np.int32), None),
        "active_from": (np.full(len(people), active_from, np.int32), None),
    }
    gathered = _run(compiled.gather, merged | {"people": (everyone, len(people))})
    return _arrow(*_run(compiled.finish, {"gathered": gathered}))


def _past(rows: tuple[dict[str, Column], int], cutoff: int) -> tuple[dict[str, Column], int]:
    """Keep what happened before the cutoff: the only place where past and future part."""
    columns, _ = rows
    before = np.flatnonzero(columns["day"][0] < cutoff)
    kept = {
        name: (values[before], None if missing is None else missing[before])
        for name, (values, missing) in columns.items()
    }
    return kept | {"cutoff": (np.full(len(before), cutoff, np.int32), None)}, len(before)


def _run(program: Program, tables: Tables) -> tuple[dict[str, Column], int]:
    return program.run(
        {name: columns for name, (columns, _) in tables.items()}, {name: rows for name, (_, rows) in tables.items()}
    )


_kinds = {table.name: schema(table) for table in TABLES}
_tables = {table.name: table for table in TABLES}


def _source(history: History, table: str, turn_us: int, before: datetime) -> tuple[dict[str, Column], int]:
    quick = (history.quick or {}).get(table)
    if quick is not None:
        found = prepared_cells(quick, _tables[table], turn_us, before)
    else:
        found = prepared_arrays(history.connection, _tables[table], turn_us, before)
    return {name: _column(found[name], kind) for name, kind in _kinds[table].items()}, len(found["customer_id"])


def _empty(table: str) -> tuple[dict[str, Column], int]:
    numpy_kinds = {"string": np.str_, "int32": np.int32, "int64": np.int64, "boolean": np.bool_}
    return {name: (np.zeros(0, numpy_kinds[kind]), None) for name, kind in _kinds[table].items()}, 0


def _column(values: Any, kind: str) -> Column:
    """Return a column of the engine from one of the database: nulls beside the values, texts of fixed width."""
    missing = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain = np.ma.getdata(values)
    if kind == "string":
        empty = np.array([value is None for value in plain], bool) if missing is None else missing
        texts = ["" if gone else value for value, gone in zip(plain.tolist(), empty.tolist(), strict=True)]
        return np.array(texts, dtype=np.str_), empty if empty.any() else None
    if missing is not None and not missing.any():
        missing = None
    return plain, missing


def _nobody(stream: StreamPlan) -> tuple[dict[str, Column], int]:
    _, merge = stream.expressions
    kinds = {name: np.str_ if kind.is_string() else np.int64 for name, kind in merge.schema().items()}
    return {name: (np.zeros(0, kind), None) for name, kind in kinds.items()}, 0


def _arrow(columns: dict[str, Column], length: int) -> pa.Table:
    arrays = {name: pa.array(values, mask=missing) for name, (values, missing) in columns.items()}
    assert length == len(arrays["customer_id"])
    return pa.table(arrays)

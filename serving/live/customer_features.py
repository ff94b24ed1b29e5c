"""Features of a few customers from their contract rows: the catalog and the engine of a scoring run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.durations import parse_duration
from rapport.features import snapshot
from rapport.features.feature_table.snapshot import exclude_refusals
from rapport.history import History
from rapport.history.contract import FEATURE_TABLES, Table, columns_of
from rapport.history.reading.database import Database
from rapport.history.reading.fast_reader import ParsedTable
from rapport.history.reading.table_loading import LoadedTable
from rapport.history.rejected_rows import NO_ROWS, Rejections
from rapport.history.settings import Settings
from rapport.serving.live.database_pool import DatabasePool
from rapport.serving.snapshots.live_model import LiveModel


def features_of(
    model: LiveModel,
    rows: Mapping[str, Sequence[Mapping[str, object]]],
    as_of: datetime,
    databases: DatabasePool,
    settings: Settings,
) -> pa.Table:
    """Return the features of every customer that the rows make known at ``as_of``, as a scoring run computes them."""
    bundle, present = model.bundle, model.snapshot.run.manifest.present
    with databases.borrow() as database, _history(rows, settings, database) as history:
        active = parse_duration(bundle.active_window)
        table = snapshot(history, as_of, model.catalog, active=active, present=present, rule=bundle.rule)
        return exclude_refusals(history, table, as_of)


def _history(rows: Mapping[str, Sequence[Mapping[str, object]]], settings: Settings, database: Database) -> History:
    """Return a history of rows that were read before: their values are cast, so nothing is parsed again."""
    parsed = {table.name: _parsed(table, rows[table.name]) for table in FEATURE_TABLES if rows.get(table.name)}
    loaded = {name: LoadedTable(one.rows, one.present, one.time_range, NO_ROWS) for name, one in parsed.items()}
    return History(settings, loaded, Rejections({}, NO_ROWS), "live", database, borrowed=True, parsed=parsed)


def _parsed(table: Table, rows: Sequence[Mapping[str, Any]]) -> ParsedTable:
    columns = columns_of(table)
    cells = {
        column.name: [_moment(row.get(column.name)) for row in rows]
        if column.kind == "time"
        else [row.get(column.name) for row in rows]
        for column in columns
    }
    given = dict.fromkeys(name for row in rows for name in row)
    extra = [name for name in given if name not in cells] if table.name == "customers" else []
    attributes = {name: [row.get(name) for row in rows] for name in extra}
    times = [time for time in cells[table.time] if time is not None]
    present = frozenset(given) & set(cells)
    return ParsedTable(len(rows), cells, attributes, present, (min(times), max(times)) if times else (None, None))


def _moment(value: Any) -> datetime | None:
    # Rows of events hold times as JSON texts, in local time.
    return datetime.fromisoformat(value) if isinstance(value, str) else value

"""Features of a few customers from their contract rows: the catalog and the engine of a scoring run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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
from rapport.serving.snapshots.contract_rows import Cells
from rapport.serving.snapshots.live_model import LiveModel


def features_of(
    model: LiveModel, tables: Mapping[str, Cells], as_of: datetime, databases: DatabasePool, settings: Settings
) -> pa.Table:
    """Return the features of every customer that the rows make known at ``as_of``, as a scoring run computes them."""
    bundle, present = model.bundle, model.snapshot.run.manifest.present
    with databases.borrow() as database, _history(tables, settings, database) as history:
        active = parse_duration(bundle.active_window)
        table = snapshot(history, as_of, model.catalog, active=active, present=present, rule=bundle.rule)
        return exclude_refusals(history, table, as_of)


def _history(tables: Mapping[str, Cells], settings: Settings, database: Database) -> History:
    """Return a history of rows that were read before: their values are cast, so nothing is parsed again."""
    parsed = {table.name: _parsed(table, tables[table.name]) for table in FEATURE_TABLES if tables.get(table.name)}
    loaded = {name: LoadedTable(one.rows, one.present, one.time_range, NO_ROWS) for name, one in parsed.items()}
    return History(settings, loaded, Rejections({}, NO_ROWS), "live", database, borrowed=True, parsed=parsed)


def _parsed(table: Table, read: Cells) -> ParsedTable:
    unknown = [None] * len(read["customer_id"])
    cells = {column.name: read.get(column.name, unknown) for column in columns_of(table)}
    attributes = {name: read[name] for name in read if name not in cells} if table.name == "customers" else {}
    times = [time for time in cells[table.time] if time is not None]
    present = frozenset(read) & set(cells)
    return ParsedTable(len(unknown), cells, attributes, present, (min(times), max(times)) if times else (None, None))

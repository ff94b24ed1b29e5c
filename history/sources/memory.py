"""Tables passed as Python objects: Arrow tables, or records with named values."""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.column_types import column_types
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

# Asking the database for the types of a table costs more than looking up the usual ones here.
_ARROW_TYPES = {
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}


def memory_source(name: str, table: pa.Table | Iterable[Mapping[str, Any]], connection: Any) -> Source:
    """Register a table or records in memory as a source."""
    rows = table if isinstance(table, pa.Table) else _to_arrow(list(table), name)
    lines = pa.array(range(1, rows.num_rows + 1), pa.int64())
    view = f"memory {name}"
    connection.register(view, rows.append_column(LINE, lines))
    sql = f"SELECT *, NULL AS {quoted(FILE)} FROM {quoted(view)}"
    return Source(name, name, sql, _types(rows, sql, connection), in_memory=True)


def unload(source: Source, connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the loaded copy of a source after it has been read."""
    if source.in_memory:
        connection.unregister(f"memory {source.name}")
    elif not source.persistent:
        connection.execute(f"DROP TABLE {quoted(f'loaded {source.name}')}")


def _types(rows: pa.Table, sql: str, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    known = {field.name: _ARROW_TYPES.get(field.type) for field in rows.schema}
    return {n: t for n, t in known.items() if t} if all(known.values()) else column_types(sql, connection, "memory")


def _to_arrow(records: list[Mapping[str, object]], name: str) -> pa.Table:
    """Turn records into columns; a column with values of several types becomes text."""
    for line, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise TableError(f"{name}: row {line} is {record!r}, not an object with named columns.")
    names = dict.fromkeys(key for record in records for key in record)
    return pa.table({key: _column([record.get(key) for record in records]) for key in names})


def _column(values: list[object]) -> pa.Array:
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column

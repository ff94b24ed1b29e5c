"""Databases that Ibis supports, by URL."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb

from rapport.errors import TableError
from rapport.history.sources.batch_loading import load_batches
from rapport.history.sources.postgres import redacted_url
from rapport.history.sources.source import TIME_MODULUS, Changes, Source, measure_of
from rapport.history.sql import quoted

_SUMMED: Mapping[str, Callable[[Any], Any]] = {
    "number": lambda column: column.cast("float64"),
    "seconds": lambda column: column.epoch_seconds() % TIME_MODULUS,
    "truth": lambda column: column.cast("int64"),
    "length": lambda column: column.length(),
}


def ibis_sources(url: str, connection: duckdb.DuckDBPyConnection, resources: ExitStack) -> dict[str, Source]:
    """Find the tables of a database; its connection is closed when ``resources`` is closed."""
    if url.startswith("sqlite://") and not Path(path := unquote(url.removeprefix("sqlite://"))).is_file():
        # The driver would create an empty file.
        raise TableError(f"{url}: there is no such file ({path}). Write sqlite:// and its path: sqlite:///data/crm.db.")
    backend = _connect(url)
    resources.callback(backend.disconnect)
    names = sorted(backend.list_tables())
    if not names:
        raise TableError(
            f"{redacted_url(url)}: holds no tables that may be read. Check the name and the user's rights."
        )
    return {name: _source(name, backend, connection, redacted_url(url)) for name in names}


def _connect(url: str) -> Any:
    try:
        ibis = import_module("ibis")
    except ImportError as error:
        raise TableError(
            f"{redacted_url(url)}: reading this kind of database needs the extra sql. "
            "Install it: pip install 'rapport-crm[sql]'."
        ) from error
    try:
        with warnings.catch_warnings():
            # Servers without tables of time zones do not know the name UTC; they know the offset.
            warnings.filterwarnings("ignore", "Unable to set session timezone")
            backend = ibis.connect(url)
        if backend.name == "mysql":
            backend.raw_sql("SET time_zone = '+00:00'").close()
        return backend
    except ImportError as error:
        needed = url.split(":", 1)[0]
        raise TableError(
            f"{redacted_url(url)}: its driver is not installed. Install it: pip install 'ibis-framework[{needed}]'."
        ) from error
    # Each backend raises its own errors, which share no base class.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise TableError(f"{redacted_url(url)}: cannot be reached: {reason}") from error


def _source(name: str, backend: Any, connection: duckdb.DuckDBPyConnection, address: str) -> Source:
    table = backend.table(name)
    types = {column: _duckdb_type(kind) for column, kind in table.schema().items()}

    def selected(rows: Any, wanted: Sequence[str]) -> Any:
        return rows.select(*(_select_expression(rows, column, types[column]) for column in wanted))

    def load(wanted: Sequence[str]) -> list[Any]:
        load_batches(name, selected(table, wanted).to_pyarrow_batches(), connection)
        return []

    def peek(rows: int) -> Any:
        return selected(table, list(types)).limit(rows).to_pyarrow()

    def load_new(wanted: Sequence[str], recorded: str, since: datetime) -> None:
        moment = since.replace(tzinfo=UTC) if types[recorded].endswith("ZONE") else since
        rows = table.filter(table[recorded].isnull() | (table[recorded] >= moment))
        load_batches(name, selected(rows, wanted).to_pyarrow_batches(), connection)

    def totals(wanted: Sequence[str]) -> Sequence[float | None]:
        rows = selected(table, wanted)
        parts = [rows.count(), *(rows[column].count() for column in wanted)]
        parts += [_SUMMED[kind](rows[column]).sum() for column in wanted if (kind := measure_of(types[column]))]
        named = [part.name(f"total {index}") for index, part in enumerate(parts)]
        return list(rows.aggregate(named).to_pyarrow().to_pylist()[0].values())

    sql = f"SELECT * FROM {quoted(f'loaded {name}')}"
    changes = Changes(address, load_new, totals)
    return Source(name, f"table {name}", sql, types, load=load, peek=peek, changes=changes)


def _duckdb_type(kind: Any) -> str:
    """Return the DuckDB type for an Ibis type; other types are sent as text."""
    if kind.is_timestamp():
        return "TIMESTAMP" if kind.timezone is None else "TIMESTAMP WITH TIME ZONE"
    if kind.is_date():
        return "DATE"
    if kind.is_boolean():
        return "BOOLEAN"
    if kind.is_integer():
        return "BIGINT"
    return "DOUBLE" if kind.is_numeric() else "VARCHAR"


def _select_expression(table: Any, column: str, kind: str) -> Any:
    value = table[column]
    if kind == "DOUBLE":
        return value.cast("float64").name(column)
    if kind == "BIGINT":
        return value.cast("int64").name(column)
    return value.cast("string").name(column) if kind == "VARCHAR" and not value.type().is_string() else value

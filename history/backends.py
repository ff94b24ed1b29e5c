"""Any other database that Ibis knows, by URL."""

from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import duckdb
from rapport.history.casting import quoted
from rapport.history.loading import load_batches
from rapport.history.postgres import spoken
from rapport.history.sources import Source

from rapport.errors import TableError


def ibis_sources(url: str, engine: duckdb.DuckDBPyConnection, opened: ExitStack) -> dict[str, Source]:
    """Find the tables of a database that Ibis can reach; it is closed with ``opened``."""
    backend = _connect(url)
    opened.callback(backend.disconnect)
    names = sorted(backend.list_tables())
    if not names:
        raise TableError(f"{spoken(url)}: holds no tables that may be read. Check the name and the user's rights.")
    return {name: _source(name, backend, engine) for name in names}


def _connect(url: str) -> Any:
    ibis = import_module("ibis")
    try:
        return ibis.connect(url)
    except ImportError as error:
        needed = url.split(":", 1)[0]
        raise TableError(
            f"{spoken(url)}: its driver is not installed. Install it: pip install 'ibis-framework[{needed}]'."
        ) from error
    # Every backend has errors of its own, and they share no base.
    except Exception as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise TableError(f"{spoken(url)}: cannot be reached: {said}") from error


def _source(name: str, backend: Any, engine: duckdb.DuckDBPyConnection) -> Source:
    table = backend.table(name)
    types = {column: _engine_type(kind) for column, kind in table.schema().items()}

    def load(wanted: Sequence[str]) -> list[Any]:
        columns = [_sent(table, column, types[column]) for column in wanted]
        load_batches(name, table.select(*columns).to_pyarrow_batches(), engine)
        return []

    def peek(rows: int) -> Any:
        return table.select(*(_sent(table, column, kind) for column, kind in types.items())).limit(rows).to_pyarrow()

    return Source(name, f"table {name}", f"SELECT * FROM {quoted(f'loaded {name}')}", types, load=load, peek=peek)


def _engine_type(kind: Any) -> str:
    """Return the engine's type for one of Ibis; what is none of ours is sent as text."""
    if kind.is_timestamp():
        return "TIMESTAMP" if kind.timezone is None else "TIMESTAMP WITH TIME ZONE"
    if kind.is_date():
        return "DATE"
    if kind.is_boolean():
        return "BOOLEAN"
    if kind.is_integer():
        return "BIGINT"
    return "DOUBLE" if kind.is_numeric() else "VARCHAR"


def _sent(table: Any, column: str, kind: str) -> Any:
    given = table[column]
    if kind == "DOUBLE":
        return given.cast("float64").name(column)
    if kind == "BIGINT":
        return given.cast("int64").name(column)
    return given.cast("string").name(column) if kind == "VARCHAR" and not given.type().is_string() else given

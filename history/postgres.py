"""PostgreSQL by URL: tables streamed as Arrow, one snapshot of all, only the columns that are needed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from importlib import import_module
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import duckdb
from rapport.history.casting import literal, quoted
from rapport.history.loading import load_batches
from rapport.history.sources import Source

from rapport.errors import TableError

# How each type of the server arrives in the engine; all others are sent as text.
_TYPES = MappingProxyType(
    {
        "int2": "SMALLINT",
        "int4": "INTEGER",
        "int8": "BIGINT",
        "float4": "FLOAT",
        "float8": "DOUBLE",
        "numeric": "DOUBLE",
        "money": "DOUBLE",
        "bool": "BOOLEAN",
        "date": "TIMESTAMP",
        "timestamp": "TIMESTAMP",
        "timestamptz": "TIMESTAMP WITH TIME ZONE",
    }
)
_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, t.typname, n.nspname = ANY (current_schemas(false)) OR n.nspname = {schema}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname = {schema}, n.nspname, c.relname, a.attnum
"""


def postgres_sources(url: str, engine: duckdb.DuckDBPyConnection, opened: ExitStack) -> dict[str, Source]:
    """Find the tables of a database: by name in the given schema and the search path, else as ``schema.name``.

    The connection is closed with ``opened``.
    """
    address, schema = _without_schema(url)
    server = _connect(address, url)
    opened.callback(server.close)
    # All tables are read as of one moment, however long reading takes.
    _ask(server, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for space, table, column, kind, near in _ask(server, _COLUMNS.format(schema=literal(schema))):
        name = table if near else f"{space}.{table}"
        full = f"{quoted(space)}.{quoted(table)}"
        if name not in found or found[name][0] != full:
            found[name] = (full, {})
        found[name][1][column] = kind
    if not found:
        raise TableError(f"{spoken(url)}: holds no tables that may be read. Check the schema and the user's rights.")
    return {name: _source(name, full, kinds, server, engine) for name, (full, kinds) in found.items()}


def spoken(url: str) -> str:
    """Return the URL without its password, for sentences and logs."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{user}{parts.hostname or ''}{port}", parts.path, "", ""))


def _without_schema(url: str) -> tuple[str, str]:
    """Take ``?schema=`` out of the URL; the server's own library does not know it."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    schema = asked.pop("schema", "")
    return urlunsplit((*parts[:3], urlencode(asked), "")), schema


def _connect(address: str, url: str) -> Any:
    try:
        driver = import_module("adbc_driver_postgresql.dbapi")
    except ImportError as error:
        raise TableError(
            f"{spoken(url)}: reading PostgreSQL needs the extra sql. Install it: pip install 'rapport[sql]'."
        ) from error
    try:
        return driver.connect(address)
    except driver.Error as error:
        raise TableError(f"{spoken(url)}: cannot be reached: {_short(error)}") from error


def _source(name: str, full: str, kinds: dict[str, str], server: Any, engine: duckdb.DuckDBPyConnection) -> Source:
    types = {column: _TYPES.get(kind, "VARCHAR") for column, kind in kinds.items()}

    def load(wanted: Sequence[str]) -> list[Any]:
        columns = ", ".join(f"{_sent(column, kinds[column])} AS {quoted(column)}" for column in wanted)
        with closing(server.cursor()) as cursor:
            try:
                cursor.execute(f"SELECT {columns} FROM {full}")
                load_batches(name, cursor.fetch_record_batch(), engine)
            except import_module("adbc_driver_manager").Error as error:
                raise TableError(f"{name}: cannot be read: {_short(error)}") from error
        return []

    def peek(rows: int) -> Any:
        columns = ", ".join(f"{_sent(column, kind)} AS {quoted(column)}" for column, kind in kinds.items())
        with closing(server.cursor()) as cursor:
            cursor.execute(f"SELECT {columns} FROM {full} LIMIT {rows}")
            return cursor.fetch_arrow_table()

    return Source(name, f"table {name}", f"SELECT * FROM {quoted(f'loaded {name}')}", types, load=load, peek=peek)


def _sent(column: str, kind: str) -> str:
    """Return the SQL that makes a column of the server fit for Arrow."""
    name = quoted(column)
    if kind in ("numeric", "money"):
        return f"{name}::numeric::float8"
    if kind in ("date", "timestamp"):
        # Arrow has no infinity of time; the far end of the calendar means the same to us.
        return (
            f"CASE WHEN isfinite({name}) THEN {name}::timestamp WHEN {name} > 'epoch' THEN '9999-12-31' END::timestamp"
        )
    return name if kind in _TYPES else f"{name}::text"


def _ask(server: Any, sql: str) -> Iterator[Any]:
    with closing(server.cursor()) as cursor:
        cursor.execute(sql)
        return iter(cursor.fetchall() if cursor.description else [])


def _short(error: Exception) -> str:
    """Return the first line of an error of the server."""
    return str(error).splitlines()[0]

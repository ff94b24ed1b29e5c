"""PostgreSQL by URL: tables are streamed as Arrow, in one snapshot, with only the columns that are needed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import duckdb

from rapport.errors import TableError
from rapport.history.sources.batch_loading import load_batches
from rapport.history.sources.source import Changes, Source, totals_sql
from rapport.history.sql import literal, quoted

# PostgreSQL type → DuckDB type; all other types are sent as text.
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


def postgres_sources(url: str, connection: duckdb.DuckDBPyConnection, resources: ExitStack) -> dict[str, Source]:
    """Find the tables of a database: by name in the given schema and the search path, else as ``schema.name``.

    The connection is closed when ``resources`` is closed.
    """
    address, schema = _without_schema(url)
    server = _connect(address, url)
    resources.callback(server.close)
    # One snapshot: all tables show the same state, however long reading takes.
    _query(server, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for namespace, table, column, kind, in_path in _query(server, _COLUMNS.format(schema=literal(schema))):
        name = table if in_path else f"{namespace}.{table}"
        full = f"{quoted(namespace)}.{quoted(table)}"
        if name not in found or found[name][0] != full:
            found[name] = (full, {})
        found[name][1][column] = kind
    if not found:
        raise TableError(
            f"{redacted_url(url)}: holds no tables that may be read. Check the schema and the user's rights."
        )
    shown = redacted_url(url)
    return {name: _source(name, full, kinds, server, connection, shown) for name, (full, kinds) in found.items()}


def redacted_url(url: str) -> str:
    """Return the URL without its password, for messages and logs."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{user}{parts.hostname or ''}{port}", parts.path, "", ""))


def _without_schema(url: str) -> tuple[str, str]:
    """Remove ``?schema=`` from the URL, which the PostgreSQL client does not accept, and return it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    schema = query.pop("schema", "")
    return urlunsplit((*parts[:3], urlencode(query), "")), schema


def _connect(address: str, url: str) -> Any:
    try:
        driver = import_module("adbc_driver_postgresql.dbapi")
    except ImportError as error:
        raise TableError(
            f"{redacted_url(url)}: reading PostgreSQL needs the extra sql. Install it: pip install 'rapport-crm[sql]'."
        ) from error
    try:
        return driver.connect(address)
    except driver.Error as error:
        raise TableError(f"{redacted_url(url)}: cannot be reached: {_first_line(error)}") from error


def _source(
    name: str, full: str, kinds: dict[str, str], server: Any, connection: duckdb.DuckDBPyConnection, address: str
) -> Source:
    types = {column: _TYPES.get(kind, "VARCHAR") for column, kind in kinds.items()}

    def selected(wanted: Sequence[str]) -> str:
        columns = ", ".join(f"{_select_expression(column, kinds[column])} AS {quoted(column)}" for column in wanted)
        return f"SELECT {columns} FROM {full}"

    def load(wanted: Sequence[str], rows: str = "") -> list[Any]:
        with closing(server.cursor()) as cursor:
            try:
                cursor.execute(selected(wanted) + rows)
                load_batches(name, cursor.fetch_record_batch(), connection)
            except import_module("adbc_driver_manager").Error as error:
                raise TableError(f"{name}: cannot be read: {_first_line(error)}") from error
        return []

    def peek(rows: int) -> Any:
        with closing(server.cursor()) as cursor:
            cursor.execute(f"{selected(list(kinds))} LIMIT {rows}")
            return cursor.fetch_arrow_table()

    def load_new(wanted: Sequence[str], recorded: str, since: datetime) -> None:
        zone = "+00" if kinds[recorded] == "timestamptz" else ""
        load(wanted, f" WHERE {quoted(recorded)} IS NULL OR {quoted(recorded)} >= '{since.isoformat()}{zone}'")

    def totals(wanted: Sequence[str]) -> Any:
        return next(_query(server, f"SELECT {', '.join(totals_sql(wanted, types))} FROM ({selected(wanted)}) AS own"))

    sql = f"SELECT * FROM {quoted(f'loaded {name}')}"
    # A table of the same name may stand in several schemas.
    changes = Changes(f"{address} {full}", load_new, totals)
    return Source(name, f"table {name}", sql, types, load=load, peek=peek, changes=changes)


def _select_expression(column: str, kind: str) -> str:
    """Return the SQL that converts a column to a type that Arrow can carry."""
    name = quoted(column)
    if kind in ("numeric", "money"):
        return f"{name}::numeric::float8"
    if kind in ("date", "timestamp"):
        # Arrow has no infinite timestamp; the end of the calendar has the same meaning here.
        return (
            f"CASE WHEN isfinite({name}) THEN {name}::timestamp WHEN {name} > 'epoch' THEN '9999-12-31' END::timestamp"
        )
    return name if kind in _TYPES else f"{name}::text"


def _query(server: Any, sql: str) -> Iterator[Any]:
    with closing(server.cursor()) as cursor:
        cursor.execute(sql)
        return iter(cursor.fetchall() if cursor.description else [])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

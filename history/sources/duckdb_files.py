"""DuckDB databases by URL: attached read-only, so that tables are read in place."""

from pathlib import Path

import duckdb

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.column_types import column_types
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

_ATTACHED = "history file"


def duckdb_sources(url: str, connection: duckdb.DuckDBPyConnection) -> dict[str, Source]:
    """Find the tables and views of ``duckdb:///path``: of the schema main by name, of others as ``schema.name``."""
    path = url.removeprefix("duckdb://").partition("?")[0]
    if not Path(path).is_file():
        raise TableError(f"{url}: there is no such file. Write duckdb:// and the path: duckdb:///data/crm.duckdb.")
    try:
        connection.execute(f"ATTACH {literal(path)} AS {quoted(_ATTACHED)} (READ_ONLY)")
    except duckdb.Error as error:
        raise TableError(f"{url}: cannot be read: {str(error).splitlines()[0]}") from error
    found = connection.execute(
        "SELECT schema_name, table_name, 'rowid + 1' FROM duckdb_tables() WHERE database_name = $1 UNION ALL "
        "SELECT schema_name, view_name, 'row_number() OVER ()' FROM duckdb_views() WHERE database_name = $1 "
        "AND NOT internal ORDER BY 1, 2",
        [_ATTACHED],
    ).fetchall()
    if not found:
        raise TableError(f"{url}: holds no tables. Name a file that has some.")
    return {
        name if schema == "main" else f"{schema}.{name}": _source(schema, name, line, connection)
        for schema, name, line in found
    }


def _source(schema: str, name: str, line: str, connection: duckdb.DuckDBPyConnection) -> Source:
    full = ".".join(map(quoted, (_ATTACHED, schema, name)))
    sql = f"SELECT *, CAST(NULL AS VARCHAR) AS {quoted(FILE)}, {line} AS {quoted(LINE)} FROM {full}"
    return Source(name, f"table {name}", sql, column_types(sql, connection, f"table {name}"), persistent=True)

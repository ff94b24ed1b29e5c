"""The DuckDB database in process into which a history is read."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import duckdb

from rapport.history.contract import FEATURE_TABLES, TABLES, by_name, columns_of
from rapport.history.reading.casting import null_of
from rapport.history.reading.versions import single_versions_sql
from rapport.history.settings import Settings
from rapport.history.sql import literal, quoted

_SINGLE_VERSIONS = "; ".join(single_versions_sql(table) for table in FEATURE_TABLES)


@dataclass
class Database:
    """An open database. Opening one takes 10 ms, so callers that read many small histories reuse it.

    It holds one history at a time, and only one thread at a time may use it.
    """

    connection: duckdb.DuckDBPyConnection
    temp_dir: Path
    loaded: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Remove the history that was read into it."""
        past = "schema_name = 'reading' AND (table_name LIKE '% past' OR table_name = 'identities')"
        if self.connection.execute(f"SELECT count(*) FROM duckdb_tables() WHERE {past}").fetchall()[0][0]:
            self.connection.execute(_SINGLE_VERSIONS)
        self.connection.execute("DROP SCHEMA reading CASCADE; CREATE SCHEMA reading")
        for name in sorted(self.loaded):
            self.connection.unregister(f"memory {name}")
            self.connection.execute(empty_table_sql(name))
        self.loaded.clear()

    def close(self) -> None:
        """Close the connection and delete temporary files."""
        self.connection.close()
        shutil.rmtree(self.temp_dir, ignore_errors=True)


def open_database(settings: Settings) -> Database:
    """Open a database that has every table of the contract, empty."""
    # The default is a temporary folder in the working directory.
    folder = Path(settings.temp_dir or tempfile.gettempdir()) / f"rapport-{uuid4().hex}"
    connection = duckdb.connect(config={"threads": settings.threads} if settings.threads else {})
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB's progress bar would overwrite ours; in a notebook without widgets it is off and cannot be set.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET temp_directory = {literal(str(folder))}")
    if settings.memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.memory_limit)}")
    connection.execute("CREATE SCHEMA reading; " + "; ".join(empty_table_sql(table.name) for table in TABLES))
    connection.execute(_SINGLE_VERSIONS)
    return Database(connection, folder)


def empty_table_sql(name: str) -> str:
    """Return the SQL that creates an empty table of the contract."""
    table = by_name(name)
    columns = ", ".join(f"{null_of(column)} AS {quoted(column.name)}" for column in columns_of(table))
    return f"CREATE OR REPLACE VIEW {quoted(table.name)} AS SELECT {columns} WHERE false"

"""Reading a history, from a folder or from memory, into one place where every contract table can be asked."""

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from history.casting import literal
from history.contract import TABLES
from history.errors import TableError
from history.laying import Laid, lay, lay_empty
from history.naming import table_source
from history.rejects import Rejected, rejected_of
from history.settings import Settings
from history.sources import Source, forget, source_of, sources_in

Given = Mapping[str, pa.Table | Iterable[Mapping[str, Any]]]


@dataclass
class History:
    """A history that was read: every contract table is there to ask, empty where it was not given."""

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    laid: Mapping[str, Laid]
    rejected: Rejected
    origin: str
    scratch: Path | None = field(default=None, repr=False)

    @property
    def present(self) -> dict[str, frozenset[str]]:
        """Return the tables that were given, with the contract columns that they have."""
        return {name: laid.present for name, laid in self.laid.items()}

    @property
    def rows(self) -> dict[str, int]:
        """Return how many rows each given table has."""
        return {name: laid.rows for name, laid in self.laid.items()}

    def span(self) -> tuple[datetime | None, datetime | None]:
        """Return the times of the first and the last event of all tables."""
        spans = [laid.span for laid in self.laid.values()]
        firsts = [first for first, _ in spans if first is not None]
        lasts = [last for _, last in spans if last is not None]
        return min(firsts, default=None), max(lasts, default=None)

    def close(self) -> None:
        """Give the engine's memory and files back."""
        self.connection.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_history(source: str | Path, settings: Settings | None = None) -> History:
    """Read the history in a folder; bad rows are set aside, and too many of them stop it."""
    settings = settings or Settings()
    connection, scratch = _engine(settings)
    try:
        sources = sources_in(Path(source), connection)
        tables = {table.name: table_source(table, sources, settings) for table in TABLES}
        if tables["orders"] is None:
            raise TableError(
                f"{source}: there is no table orders, which is the one that must be there. It has: "
                f"{', '.join(sorted(sources))}. If one of them is it, say so in rapport.toml: "
                f'[mapping.orders] table = "{sorted(sources)[0]}".'
            )
        return _history(tables, connection, settings, str(source), scratch)
    except TableError:
        connection.close()
        raise


def history_of(tables: Given, settings: Settings | None = None) -> History:
    """Read tables that are in memory already: Arrow tables, or records with named values."""
    settings = settings or Settings()
    known = {table.name for table in TABLES}
    for name in tables:
        if name not in known:
            raise TableError(f"{name}: no such table. The contract has {', '.join(sorted(known))}.")
    connection, scratch = _engine(settings)
    try:
        sources = {name: _in_memory(name, rows, connection) for name, rows in tables.items()}
        return _history(sources, connection, settings, "memory", scratch)
    except TableError:
        connection.close()
        raise


def _in_memory(name: str, rows: pa.Table | Iterable[Mapping[str, Any]], connection: Any) -> Source | None:
    """Return the source; records without a single row say nothing, not even their columns."""
    source = source_of(name, rows, connection)
    return source if source.types else None


def _history(
    sources: Mapping[str, Source | None],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    origin: str,
    scratch: Path | None,
) -> History:
    laid = {}
    for table in TABLES:
        source = sources.get(table.name)
        if source is None:
            lay_empty(table, connection)
        else:
            laid[table.name] = lay(table, source, connection, settings)
            forget(source, connection)
    rejected = rejected_of({name: list(each.rejects) for name, each in laid.items()})
    return History(connection, settings, laid, rejected, origin, scratch)


def _engine(settings: Settings) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """Open an engine of its own for one history."""
    # By itself the engine would spill into the working directory.
    scratch = Path(tempfile.gettempdir() if not settings.scratch else settings.scratch)
    scratch = scratch / f"rapport-{uuid4().hex}"
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET temp_directory = {literal(str(scratch))}")
    if settings.memory_limit:
        connection.execute(f"SET memory_limit = {literal(settings.memory_limit)}")
    if settings.threads:
        connection.execute(f"SET threads = {settings.threads}")
    return connection, scratch

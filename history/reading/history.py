"""Reading a history from a folder, a database or memory into one database with every table of the contract."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import cast

import duckdb
import pyarrow as pa

from rapport.errors import RapportError, TableError
from rapport.frames import as_table
from rapport.history.contract import FEATURE_TABLES, TABLES, Table
from rapport.history.messages import message
from rapport.history.reading.changes import track_changes
from rapport.history.reading.database import Database, open_database
from rapport.history.reading.fast_reader import ParsedTable, parse_records, register_tables
from rapport.history.reading.merges import store_identities
from rapport.history.reading.table_loading import LoadedTable, load_table
from rapport.history.reading.table_names import check_readable, resolve_attributes, resolve_columns, resolve_table
from rapport.history.reading.versions import VERSIONED, show_versions
from rapport.history.rejected_rows import NO_ROWS, Rejections, collect_rejections
from rapport.history.settings import Settings
from rapport.history.sources.change_histories import ChangeHistory, find_histories, with_histories
from rapport.history.sources.discovery import find_sources
from rapport.history.sources.joined import with_joins
from rapport.history.sources.memory import memory_source, unload
from rapport.history.sources.postgres import redacted_url
from rapport.history.sources.source import Source

# Above this number of rows DuckDB is faster than plain Python.
_FAST_READER_ROWS = 5000

Tables = Mapping[str, pa.Table | Iterable[Mapping[str, object]]]


@dataclass(frozen=True)
class History:
    """A history that was read: the database has every contract table, empty if the source has none.

    ``parsed`` holds the tables of a small history that was read without a database; they are loaded into one on the
    first use of the connection. ``borrowed`` means that the database belongs to the caller.
    """

    settings: Settings
    loaded: Mapping[str, LoadedTable]
    rejected: Rejections
    origin: str
    opened: Database | None = None
    borrowed: bool = False
    parsed: Mapping[str, ParsedTable] | None = None

    @cached_property
    def database(self) -> Database:
        """Return the database that holds every table."""
        database = self.opened or open_database(self.settings)
        register_tables(self.parsed or {}, database)
        return database

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return the connection to the database."""
        return self.database.connection

    @property
    def present(self) -> dict[str, frozenset[str]]:
        """Return the contract columns that each table of the source has."""
        return {name: table.present for name, table in self.loaded.items()}

    @property
    def currency(self) -> str:
        """Return the currency of all amounts: that of the settings, else the only one that the tables name, else ""."""
        named = {code for table in self.loaded.values() for code in table.currencies if code.isalpha()}
        return self.settings.currency or (named.pop() if len(named) == 1 else "")

    @property
    def tracked(self) -> dict[str, frozenset[str]]:
        """Return the columns of each table that have a history of change."""
        return {name: table.tracked for name, table in self.loaded.items() if table.tracked}

    @property
    def versioned(self) -> frozenset[str]:
        """Return the tables whose rows may have several versions: by their changes, or because customers merged."""
        return frozenset(self.loaded if "merges" in self.loaded else self.tracked)

    @property
    def rows(self) -> dict[str, int]:
        """Return the number of accepted rows of each table of the source."""
        return {name: table.rows for name, table in self.loaded.items()}

    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """Return the times of the first and the last event in all tables."""
        ranges = [table.time_range for table in self.loaded.values()]
        firsts = [first for first, _ in ranges if first is not None]
        lasts = [last for _, last in ranges if last is not None]
        return min(firsts, default=None), max(lasts, default=None)

    def close(self) -> None:
        """Close the database, or clear it if it is borrowed."""
        # A database that was never used must not be filled now, only to be cleared again.
        database = vars(self).get("database", self.opened)
        if database is None:
            return
        if self.borrowed:
            database.clear() if database.loaded else None
        else:
            database.close()

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_history(source: str | Path, settings: Settings | None = None) -> History:
    """Read the history in a folder or a database; invalid rows are rejected, too many of them stop the run."""
    settings = settings or Settings()
    origin = redacted_url(str(source))
    database = open_database(settings)
    try:
        with ExitStack() as resources:
            unreadable: dict[str, TableError] = {}
            sources = find_sources(str(source), database.connection, resources, settings.encoding, unreadable)
            check_readable(unreadable, settings)
            tables = {table.name: resolve_table(table, sources, settings) for table in TABLES}
            by_contract = settings.churn != "orders" and tables["contracts"] is not None
            if tables["orders"] is None and not by_contract and tables["opportunities"] is None:
                near = next((each for each in sorted(sources) if "order" in each or "sale" in each), None)
                tables_there = ", ".join(sorted(sources))
                raise TableError(
                    message("no_orders", origin=origin, tables=tables_there, near=near or message("example"))
                )
            loaded = _load_all(_joined(tables, sources, settings, database), database, settings)
    except RapportError:
        database.close()
        raise
    return History(settings, loaded, _rejections(loaded), origin, database)


def _joined(
    tables: Mapping[str, Source | None], sources: Mapping[str, Source], settings: Settings, database: Database
) -> dict[str, Source | None]:
    """Return the sources of the tables, with the columns of those that the mapping joins to them."""
    joined = dict(tables)
    for name, source in tables.items():
        written = settings.mapping.get(name, {}).get("join")
        if source is not None and written:
            joined[name] = with_joins(source, written, sources, database.connection, f"[mapping.{name}]")
    histories = [each for table in VERSIONED for each in _histories(table, joined[table.name], sources, settings)]
    if histories:
        joined["changes"] = with_histories(joined["changes"], histories, database.connection, settings.timezone)
    return joined


def _histories(
    table: Table, source: Source | None, sources: Mapping[str, Source], settings: Settings
) -> list[ChangeHistory]:
    """Return the histories of change that the mapping of a table names."""
    written = settings.mapping.get(table.name, {}).get("changes")
    if source is None or written is None:
        return []
    names = resolve_columns(table, source, settings)
    own = {each: name for name, each in {**resolve_attributes(table, source, names, settings), **names}.items()}
    return find_histories(table.name, written, own, sources, f"[mapping.{table.name}]")


def history_of(
    tables: Tables, settings: Settings | None = None, database: Database | None = None, *, complete: bool = True
) -> History:
    """Read tables in memory: frames of Arrow, pandas or Polars, or records with named values.

    A ``database`` is borrowed until the history is closed. ``complete=False`` means that the tables are a part of a
    larger history, so that checks which need all rows of a table are skipped.
    """
    settings = settings or Settings()
    known = {table.name for table in TABLES}
    for name in tables:
        if name not in known:
            raise TableError(f"{name}: no such table. The contract has {', '.join(sorted(known))}.")
    tables = {name: rows if isinstance(rows, list | tuple) else as_table(rows) for name, rows in tables.items()}
    borrowed = database is not None
    parsed = _parse_small(tables, settings, complete=complete)
    if parsed is not None:
        loaded = {name: LoadedTable(each.rows, each.present, each.time_range, NO_ROWS) for name, each in parsed.items()}
        return History(settings, loaded, _rejections(loaded), "memory", database, borrowed=borrowed, parsed=parsed)
    used = database or open_database(settings)
    try:
        sources = {name: _memory_source(name, rows, used) for name, rows in tables.items()}
        loaded = _load_all(sources, used, settings, complete=complete)
    except RapportError:
        used.close() if database is None else used.clear()
        raise
    return History(settings, loaded, _rejections(loaded), "memory", used, borrowed=borrowed)


def _parse_small(tables: Tables, settings: Settings, *, complete: bool) -> dict[str, ParsedTable] | None:
    """Read all tables without the database, if they are small lists of valid records."""
    if any(not isinstance(rows, list) or len(rows) > _FAST_READER_ROWS for rows in tables.values()):
        return None
    if tables.get("changes") or tables.get("merges"):
        # What a row was at a cutoff, and whose it was, is found by SQL.
        return None
    parsed: dict[str, ParsedTable] = {}
    for table in TABLES:
        records = tables.get(table.name)
        if records:
            read = parse_records(table, cast(list[Mapping[str, object]], records), settings, complete=complete)
            if read is None:
                return None
            parsed[table.name] = read
    return parsed


def _memory_source(name: str, rows: pa.Table | Iterable[Mapping[str, object]], database: Database) -> Source | None:
    """Return the source; None for an empty list of records, which does not even name columns."""
    source = memory_source(name, rows, database.connection)
    return source if source.types else None


def _load_all(
    sources: Mapping[str, Source | None], database: Database, settings: Settings, *, complete: bool = True
) -> dict[str, LoadedTable]:
    loaded = {}
    # The amounts of the other tables are converted by the rates, and their customers may have been merged.
    for table in sorted(TABLES, key=lambda table: table.name not in ("rates", "merges")):
        source = sources.get(table.name)
        if source is not None:
            database.loaded.add(table.name)
            loaded[table.name] = load_table(
                table, source, database.connection, settings, complete=complete, merged="merges" in loaded
            )
            unload(source, database.connection)
            if table.name == "merges":
                store_identities(database.connection)
    return _with_versions(loaded, database, settings)


def _with_versions(loaded: Mapping[str, LoadedTable], database: Database, settings: Settings) -> dict[str, LoadedTable]:
    """Return the tables with the columns that have a history of change, and create the versions of their rows."""
    if "merges" in loaded:
        for table in FEATURE_TABLES:
            # Those with a history of change follow, or have shown it when they were loaded.
            if table.name in loaded and not loaded[table.name].tracked:
                show_versions(table, (), database.connection)
    if "changes" not in loaded:
        return dict(loaded)
    tracked = {
        table.name: track_changes(table, database.connection, settings)
        for table in VERSIONED
        # A table with every version of its rows says all.
        if table.name in loaded and not loaded[table.name].tracked
    }
    for name, columns in tracked.items():
        if loaded[name].converted and "amount" in columns:
            raise TableError(
                f"{name}: amounts are converted by rates, but those in its history of change have no currency. Leave "
                "the history of amount out, or give all amounts in one currency."
            )
    return {name: replace(table, tracked=tracked.get(name, table.tracked)) for name, table in loaded.items()}


def _rejections(loaded: Mapping[str, LoadedTable]) -> Rejections:
    return collect_rejections({name: table.rejects for name, table in loaded.items()})

"""Reading a history, from a folder, a database or memory, into one place where every contract table can be asked."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import duckdb
import pyarrow as pa
from rapport.history.backends import ibis_sources
from rapport.history.contract import TABLES
from rapport.history.engine import Engine, open_engine
from rapport.history.laying import Laid, lay
from rapport.history.naming import table_source
from rapport.history.postgres import postgres_sources, spoken
from rapport.history.quick import Quick, publish, read_quickly
from rapport.history.rejects import NOTHING, Rejected, rejected_of
from rapport.history.settings import Settings
from rapport.history.sources import Source, forget, source_of, sources_in

from rapport.errors import RapportError, TableError

# Beyond this the engine reads faster than plain Python does.
_SMALL = 5000

Given = Mapping[str, pa.Table | Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class History:
    """A history that was read: every contract table is there to ask, empty where it was not given.

    ``quick`` holds the tables of a small history that needed no database to be read; they are put into one only when
    the connection is asked for.
    """

    settings: Settings
    laid: Mapping[str, Laid]
    rejected: Rejected
    origin: str
    given: Engine | None = None
    lent: bool = False
    quick: Mapping[str, Quick] | None = None

    @cached_property
    def engine(self) -> Engine:
        """Return the engine with every table in it."""
        engine = self.given or open_engine(self.settings)
        publish(self.quick or {}, engine)
        return engine

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return where the tables can be asked."""
        return self.engine.connection

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
        """Give the engine back: to its lender, or its memory and files to the machine."""
        # One that was never asked for must not be filled now, only to be emptied again.
        engine = vars(self).get("engine", self.given)
        if engine is None:
            return
        if self.lent:
            engine.clear() if engine.laid else None
        else:
            engine.close()

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_history(source: str | Path, settings: Settings | None = None) -> History:
    """Read the history in a folder or a database; bad rows are set aside, and too many of them stop it."""
    settings = settings or Settings()
    origin = spoken(str(source))
    engine = open_engine(settings)
    try:
        with ExitStack() as opened:
            sources = sources_of(str(source), engine.connection, opened)
            tables = {table.name: table_source(table, sources, settings) for table in TABLES}
            if tables["orders"] is None:
                raise TableError(
                    f"{origin}: there is no table orders, which is the one that must be there. It has: "
                    f"{', '.join(sorted(sources))}. If one of them is it, say so in rapport.toml: "
                    f'[mapping.orders] table = "{sorted(sources)[0]}".'
                )
            laid = _lay_all(tables, engine, settings)
    except RapportError:
        engine.close()
        raise
    return History(settings, laid, _rejected(laid), origin, engine)


def sources_of(source: str, connection: duckdb.DuckDBPyConnection, opened: ExitStack) -> dict[str, Source]:
    """Find the tables of a folder or a database; what has to be closed again is put into ``opened``."""
    if source.startswith(("postgresql://", "postgres://")):
        return postgres_sources(source, connection, opened)
    return ibis_sources(source, connection, opened) if "://" in source else sources_in(Path(source), connection)


def history_of(
    tables: Given, settings: Settings | None = None, engine: Engine | None = None, *, whole: bool = True
) -> History:
    """Read tables that are in memory: Arrow tables, or records with named values.

    With an ``engine``, that one is lent to the history until it is closed. ``whole=False`` says that these are some
    customers of a larger history: rows are not judged by how the others of the table are.
    """
    settings = settings or Settings()
    known = {table.name for table in TABLES}
    for name in tables:
        if name not in known:
            raise TableError(f"{name}: no such table. The contract has {', '.join(sorted(known))}.")
    quick = _read_quickly(tables, settings, whole=whole)
    if quick is not None:
        laid = {name: Laid(each.rows, each.present, each.span, NOTHING) for name, each in quick.items()}
        return History(settings, laid, _rejected(laid), "memory", engine, lent=engine is not None, quick=quick)
    used = engine or open_engine(settings)
    try:
        sources = {name: _in_memory(name, rows, used) for name, rows in tables.items()}
        laid = _lay_all(sources, used, settings, whole=whole)
    except RapportError:
        used.close() if engine is None else used.clear()
        raise
    return History(settings, laid, _rejected(laid), "memory", used, lent=engine is not None)


def _read_quickly(tables: Given, settings: Settings, *, whole: bool) -> dict[str, Quick] | None:
    """Read all tables without the database, if they are small lists of clean records."""
    if any(not isinstance(rows, list) or len(rows) > _SMALL for rows in tables.values()):
        return None
    quick: dict[str, Quick] = {}
    for table in TABLES:
        records = tables.get(table.name)
        if records:
            read = read_quickly(table, cast(list[Mapping[str, Any]], records), settings, whole=whole)
            if read is None:
                return None
            quick[table.name] = read
    return quick


def _in_memory(name: str, rows: pa.Table | Iterable[Mapping[str, Any]], engine: Engine) -> Source | None:
    """Return the source; records without a single row say nothing, not even their columns."""
    source = source_of(name, rows, engine.connection)
    return source if source.types else None


def _lay_all(
    sources: Mapping[str, Source | None], engine: Engine, settings: Settings, *, whole: bool = True
) -> dict[str, Laid]:
    laid = {}
    for table in TABLES:
        source = sources.get(table.name)
        if source is not None:
            engine.laid.add(table.name)
            laid[table.name] = lay(table, source, engine.connection, settings, whole=whole)
            forget(source, engine.connection)
    return laid


def _rejected(laid: Mapping[str, Laid]) -> Rejected:
    return rejected_of({name: each.rejects for name, each in laid.items()})

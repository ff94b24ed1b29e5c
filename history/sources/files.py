"""Tables in files: Parquet, CSV, Excel, JSON lines and zip; one file a table, or many files that are parts of one."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from rapport.errors import TableError
from rapport.history.messages import message
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.column_types import column_types
from rapport.history.sources.csv_files import load_csv
from rapport.history.sources.excel_files import excel_sheets, load_sheet
from rapport.history.sources.file_groups import (
    EXCEL,
    JSON,
    PARQUET,
    ZIP,
    files_of,
    kind_of,
    own_name,
    tables_in,
    unpack,
    without_copies,
)
from rapport.history.sources.json_files import json_columns, load_json
from rapport.history.sources.markup_tables import is_text
from rapport.history.sources.source import Source
from rapport.history.sources.text_layout import text_layout
from rapport.history.sql import literal, quoted

# Files of one table that share more of their rows than this are copies of each other, not parts.
_SHARED_ROWS = 0.05


@dataclass(frozen=True)
class _Part:
    """A file, or a sheet of one: its columns, and how it is loaded into a table of the database."""

    path: Path
    columns: Sequence[str]
    load: Callable[[str], list[RejectedRow]]
    separator: str = ""


def file_sources(
    address: Path,
    connection: duckdb.DuckDBPyConnection,
    resources: ExitStack,
    encoding: str = "",
    unreadable: dict[str, TableError] | None = None,
) -> dict[str, Source]:
    """Find the tables of a folder, a file or a zip archive; unpacked files are deleted with ``resources``."""
    if not address.exists():
        raise TableError(f"{address}: there is no such folder or file. Name the folder that holds your tables.")
    found = _tables(address, resources)
    if not found:
        raise TableError(message("no_tables", origin=address))
    sources: dict[str, Source] = {}
    errors: dict[str, TableError] = {}
    for name, entries in found.items():
        try:
            tables = list(_sources(name, entries, address, connection, encoding))
        except TableError as error:
            errors[name] = error
            continue
        for own, source in tables:
            sources[f"{name}.{own}" if own in sources else own] = source
    if errors and (unreadable is None or not sources):
        raise next(iter(errors.values()))
    (unreadable if unreadable is not None else {}).update(errors)
    return sources


def _tables(address: Path, resources: ExitStack) -> dict[str, list[Path]]:
    """Return the entries of each table; a single file is the table of its name, or orders if it is the only one."""
    if address.is_file() and kind_of(address) != ZIP:
        return {own_name(address): [address]} if kind_of(address) else {}
    archives = [address] if address.is_file() else sorted(each for each in address.iterdir() if kind_of(each) == ZIP)
    found = tables_in(address) if address.is_dir() else {}
    if archives:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="rapport-")))
        for archive in archives:
            for name, entries in tables_in(unpack(archive, folder)).items():
                found.setdefault(name, []).extend(entries)
    return found


def _sources(
    name: str, entries: Sequence[Path], address: Path, connection: duckdb.DuckDBPyConnection, encoding: str
) -> Iterable[tuple[str, Source]]:
    _check_one_kind(name, entries, address)
    files = [path for entry in entries for path in files_of(entry)]
    grouped = len(entries) > 1
    if grouped:
        files = without_copies(files)
    origin = _origin(name, entries, files)
    kinds = {kind_of(path) for path in files}
    if len(kinds) > 1:
        raise TableError(f"{origin}: holds files of several kinds together. Keep one kind.")
    if kinds == {PARQUET}:
        yield name, _parquet(name, origin, files, connection, hive=entries[0].is_dir())
        return
    for own, parts in _parts(name, files, connection, encoding).items():
        yield own, _loaded(own, origin, parts, connection, check=grouped)


def _check_one_kind(name: str, entries: Sequence[Path], address: Path) -> None:
    """Refuse one table in two forms: a folder beside a file, or files of two kinds."""
    kinds = {kind_of(entry) if entry.is_file() else None for entry in entries}
    if len(kinds) > 1 or (None in kinds and len(entries) > 1):
        listed = ", ".join(entry.name for entry in entries)
        raise TableError(f"{address}: {name} is there {len(entries)} times ({listed}). Keep one of them.")


def _origin(name: str, entries: Sequence[Path], files: Sequence[Path]) -> str:
    if len(entries) == 1 and entries[0].is_file():
        return entries[0].name
    return f"{entries[0].name}/ ({len(files)} files)" if len(entries) == 1 else f"{name} ({len(files)} files)"


def _parts(
    name: str, files: Sequence[Path], connection: duckdb.DuckDBPyConnection, encoding: str
) -> dict[str, list[_Part]]:
    """Return the parts of each table; a workbook with several sheets holds several tables."""
    if kind_of(files[0]) != EXCEL or is_text(files[0]):
        return {name: [_part(path, connection, encoding) for path in files]}
    sheets = [(path, excel_sheets(path)) for path in files]
    several = any(len(each) > 1 for _, each in sheets)
    found: dict[str, list[_Part]] = {}
    for path, each in sheets:
        for sheet in each:
            own = sheet.name.strip().lower() if several else name
            load = partial(_nothing_rejected, partial(load_sheet, sheet=sheet, connection=connection))
            found.setdefault(own, []).append(_Part(path, sheet.names, load))
    return found


def _part(path: Path, connection: duckdb.DuckDBPyConnection, encoding: str) -> _Part:
    if kind_of(path) == JSON:
        names = json_columns(path, connection)
        return _Part(path, names, partial(load_json, path=path, names=names, connection=connection))
    layout = text_layout(path, encoding)
    load = partial(load_csv, path=path, connection=connection, layout=layout)
    return _Part(path, layout.names, load, layout.separator)


def _nothing_rejected(load: Callable[[str], None], part: str) -> list[RejectedRow]:
    load(part)
    return []


def _loaded(
    name: str, origin: str, parts: Sequence[_Part], connection: duckdb.DuckDBPyConnection, *, check: bool
) -> Source:
    table = quoted(f"loaded {name}")
    types = dict.fromkeys((column for part in parts for column in part.columns), "VARCHAR")

    def load(wanted: Sequence[str]) -> list[RejectedRow]:
        rejects: list[RejectedRow] = []
        names = [quoted(f"{name} part {number}") for number in range(len(parts))]
        for part, own in zip(parts, names, strict=True):
            rejects += part.load(own)
        columns = ", ".join(quoted(column) for column in (*wanted, FILE, LINE))
        union = " UNION ALL BY NAME ".join(f"SELECT * FROM {own}" for own in names)
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT {columns} FROM ({union})")
        for own in names:
            connection.execute(f"DROP TABLE {own}")
        if check:
            _check_no_copies(origin, table, wanted, connection)
        return rejects

    return Source(name, origin, f"SELECT * FROM {table}", types, load=load, separator=parts[0].separator)


def _check_no_copies(origin: str, table: str, columns: Sequence[str], connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse files that share rows: a second export of the same orders would count them twice."""
    listed = ", ".join(quoted(column) for column in columns)
    groups = f"SELECT count(DISTINCT {quoted(FILE)}) AS files, min({quoted(FILE)}) AS one, max({quoted(FILE)}) AS other"
    sql = (
        f"SELECT count(*) FILTER (files > 1), count(*), any_value(one) FILTER (files > 1), "
        f"any_value(other) FILTER (files > 1) FROM ({groups} FROM {table} GROUP BY {listed})"
    )
    shared, rows, one, other = connection.execute(sql).fetchall()[0]
    if shared > _SHARED_ROWS * rows:
        connection.execute(f"DROP TABLE {table}")
        raise TableError(
            f"{origin}: {shared:,} rows are in more than one of its files, as in {one} and in {other}. "
            "Keep only the newer one, or files that do not overlap."
        )


def _parquet(
    name: str, origin: str, files: Sequence[Path], connection: duckdb.DuckDBPyConnection, *, hive: bool
) -> Source:
    sql = _parquet_sql(files, hive=hive)
    types = column_types(sql, connection, origin)
    return Source(name, origin, sql, types, persistent=True, files=tuple(map(str, files)))


def _parquet_sql(files: Sequence[Path], *, hive: bool) -> str:
    paths = ", ".join(literal(str(path)) for path in files)
    options = f"union_by_name = true, hive_partitioning = {hive}, binary_as_string = true"
    read = f"read_parquet([{paths}], {options}, filename = true, file_row_number = true)"
    return (
        f"SELECT * EXCLUDE (filename, file_row_number), filename AS {quoted(FILE)}, "
        f"file_row_number + 1 AS {quoted(LINE)} FROM {read}"
    )

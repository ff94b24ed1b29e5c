"""Tables in Parquet and CSV files: one file a table, or one folder of many files."""

from functools import partial
from pathlib import Path

import duckdb

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.sources.column_types import column_types
from rapport.history.sources.csv_files import csv_columns, load_csv, peek_csv
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz", ".tsv", ".txt")


def file_sources(folder: Path, connection: duckdb.DuckDBPyConnection) -> dict[str, Source]:
    """Find the tables of a folder: one file each, or a subfolder with many files."""
    if not folder.is_dir():
        raise TableError(f"{folder}: there is no such folder. Name the folder that holds orders.parquet or orders.csv.")
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        files = _files_of(entry)
        if files:
            found.setdefault(_table_name(entry), []).append(entry)
    if not found:
        raise TableError(
            f"{folder}: holds no tables. Put orders.parquet or orders.csv there; docs/contract.md lists all."
        )
    for name, entries in found.items():
        if len(entries) > 1:
            listed = ", ".join(entry.name for entry in entries)
            raise TableError(f"{folder}: {name} is there {len(entries)} times ({listed}). Keep one of them.")
    return {name: _source(name, entries[0], connection) for name, entries in found.items()}


def _files_of(entry: Path) -> list[Path]:
    if entry.name.startswith((".", "_")):
        return []
    if entry.is_dir():
        inside = sorted(path for path in entry.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
        return [path for path in inside if _is_table(path)]
    return [entry] if _is_table(entry) else []


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith((*_PARQUET, *_CSV))


def _table_name(entry: Path) -> str:
    return entry.name.lower() if entry.is_dir() else entry.name.split(".")[0].lower()


def _source(name: str, entry: Path, connection: duckdb.DuckDBPyConnection) -> Source:
    files = _files_of(entry)
    origin = entry.name if entry.is_file() else f"{entry.name}/ ({len(files)} files)"
    parquet = [path for path in files if path.name.lower().endswith(_PARQUET)]
    if parquet and len(parquet) < len(files):
        raise TableError(f"{origin}: holds Parquet and CSV files together. Keep one kind.")
    if parquet:
        sql = _parquet_sql(files, hive=entry.is_dir())
        types = column_types(sql, connection, origin)
        return Source(name, origin, sql, types, persistent=True, files=tuple(map(str, files)))
    types = dict.fromkeys(csv_columns(files), "VARCHAR")
    load = partial(load_csv, f"loaded {name}", files, connection)
    return Source(
        name,
        origin,
        f"SELECT * FROM {quoted(f'loaded {name}')}",
        types,
        load=load,
        peek=partial(peek_csv, files[0], types),
    )


def _parquet_sql(files: list[Path], *, hive: bool) -> str:
    paths = ", ".join(literal(str(path)) for path in files)
    options = f"union_by_name = true, hive_partitioning = {hive}, binary_as_string = true"
    read = f"read_parquet([{paths}], {options}, filename = true, file_row_number = true)"
    return (
        f"SELECT * EXCLUDE (filename, file_row_number), filename AS {quoted(FILE)}, "
        f"file_row_number + 1 AS {quoted(LINE)} FROM {read}"
    )

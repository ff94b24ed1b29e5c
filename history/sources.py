"""Where the rows of a table come from: Parquet and CSV files, and tables in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rapport.history.casting import literal, quoted
from rapport.history.csvs import csv_columns, load_csv, peek_csv
from rapport.history.rejects import FILE, LINE, Reject

from rapport.errors import TableError

_PARQUET = (".parquet", ".pq")
_ARROW_TYPES = {
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}
_CSV = (".csv", ".csv.gz", ".tsv", ".txt")


Loader = Callable[[Sequence[str]], list[Reject]]


@dataclass(frozen=True)
class Source:
    """A table as it was given: its name there, what to call it in a sentence, and SQL to read it.

    ``sql`` yields the own columns with ``FILE`` and ``LINE``; ``refused`` are lines that could not
    be split, ``lasting`` says that it stays where it is, so that a view over it will do,
    ``memory`` that it came from memory; ``files`` are the Parquet files that it lies in.
    ``load`` brings the named columns into the table that ``sql`` reads; it returns the lines that it refused.
    ``peek`` returns some rows without loading all.
    """

    name: str
    origin: str
    sql: str
    types: Mapping[str, str]
    refused: tuple[Reject, ...] = ()
    lasting: bool = False
    memory: bool = False
    files: tuple[str, ...] = ()
    load: Loader | None = None
    peek: Callable[[int], pa.Table] | None = None


def sources_in(folder: Path, connection: duckdb.DuckDBPyConnection) -> dict[str, Source]:
    """Find the tables of a folder: a file each, or a subfolder with many files."""
    if not folder.is_dir():
        raise TableError(f"{folder}: there is no such folder. Name the folder that holds orders.parquet or orders.csv.")
    found: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        files = _files_of(entry)
        if files:
            found.setdefault(_stem(entry), []).append(entry)
    if not found:
        raise TableError(
            f"{folder}: holds no tables. Put orders.parquet or orders.csv there; docs/contract.md lists all."
        )
    for name, entries in found.items():
        if len(entries) > 1:
            raise TableError(f"{folder}: {name} is there {len(entries)} times ({_spoken(entries)}). Keep one of them.")
    return {name: _source(name, entries[0], connection) for name, entries in found.items()}


def source_of(name: str, table: pa.Table | Iterable[Mapping[str, Any]], connection: Any) -> Source:
    """Register a table in memory, or records, as a source."""
    rows = table if isinstance(table, pa.Table) else _arrow_of(list(table), name)
    lines = pa.array(range(1, rows.num_rows + 1), pa.int64())
    view = f"memory {name}"
    connection.register(view, rows.append_column(LINE, lines))
    sql = f"SELECT *, NULL AS {quoted(FILE)} FROM {quoted(view)}"
    return Source(name, name, sql, _arrow_types(rows, sql, connection), memory=True)


def _arrow_types(rows: pa.Table, sql: str, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the engine's types of the columns, without asking it where they are the usual ones."""
    known = {field.name: _ARROW_TYPES.get(field.type) for field in rows.schema}
    return {n: t for n, t in known.items() if t} if all(known.values()) else _types(sql, connection, "memory")


def forget(source: Source, connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what was loaded only to be read once."""
    if source.memory:
        connection.unregister(f"memory {source.name}")
    elif not source.lasting:
        connection.execute(f"DROP TABLE {quoted(f'loaded {source.name}')}")


def _arrow_of(records: list[Mapping[str, Any]], name: str) -> pa.Table:
    """Turn records into columns; where a column's values are of several kinds, they are kept as text."""
    for line, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise TableError(f"{name}: row {line} is {record!r}, not an object with named columns.")
    names = dict.fromkeys(key for record in records for key in record)
    return pa.table({key: _column_of([record.get(key) for record in records]) for key in names})


def _column_of(values: list[Any]) -> pa.Array:
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def _files_of(entry: Path) -> list[Path]:
    if entry.name.startswith((".", "_")):
        return []
    if entry.is_dir():
        inside = sorted(path for path in entry.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
        return [path for path in inside if _is_table(path)]
    return [entry] if _is_table(entry) else []


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith((*_PARQUET, *_CSV))


def _stem(entry: Path) -> str:
    return entry.name.lower() if entry.is_dir() else entry.name.split(".")[0].lower()


def _spoken(entries: list[Path]) -> str:
    return ", ".join(entry.name for entry in entries)


def _source(name: str, entry: Path, connection: duckdb.DuckDBPyConnection) -> Source:
    files = _files_of(entry)
    origin = entry.name if entry.is_file() else f"{entry.name}/ ({len(files)} files)"
    parquet = [path for path in files if path.name.lower().endswith(_PARQUET)]
    if parquet and len(parquet) < len(files):
        raise TableError(f"{origin}: holds Parquet and CSV files together. Keep one kind.")
    if parquet:
        sql = _parquet_sql(files, hive=entry.is_dir())
        return Source(name, origin, sql, _types(sql, connection, origin), lasting=True, files=tuple(map(str, files)))
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


def _types(sql: str, connection: duckdb.DuckDBPyConnection, origin: str) -> dict[str, str]:
    try:
        described = connection.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error as error:
        raise TableError(f"{origin}: cannot be read: {str(error).splitlines()[0]}") from error
    return {
        row[0]: "VARCHAR" if row[1].startswith("ENUM") else row[1] for row in described if row[0] not in (FILE, LINE)
    }

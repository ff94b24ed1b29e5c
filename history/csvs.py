"""CSV files: every value read as text, and every line that does not fit kept with its reason."""

from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

from history.casting import literal, quoted
from history.errors import TableError
from history.rejects import FILE, LINE, Reject

_REASONS = {
    "TOO MANY COLUMNS": "The line has more columns than the header: quote the values that hold a separator.",
    "MISSING COLUMNS": "The line has fewer columns than the header.",
    "UNQUOTED VALUE": "The line has a quote that is not closed.",
    "LINE SIZE OVER MAXIMUM": "The line is too long; is a quote not closed?",
    "INVALID ENCODING": "The line is not UTF-8.",
}
# How many bytes decide whether a file is UTF-8 or the encoding of Chinese office programs.
_SAMPLE = 1 << 20


def load_csv(table: str, files: list[Path], connection: duckdb.DuckDBPyConnection) -> list[Reject]:
    """Load the files into a table of texts; return the lines that do not fit the header."""
    refused: list[Reject] = []
    parts = []
    for number, path in enumerate(files):
        part = quoted(f"{table} part {number}")
        refused += _load(part, path, connection)
        parts.append(part)
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts)
    connection.execute(f"CREATE TEMP TABLE {quoted(table)} AS {union}")
    for part in parts:
        connection.execute(f"DROP TABLE {part}")
    return refused


def _load(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
    if not _is_utf8(path):
        _load_chinese(part, path, connection)
        return []
    read = f"read_csv({literal(str(path))}, all_varchar = true, header = true, store_rejects = true)"
    try:
        connection.execute(
            f"CREATE TEMP TABLE {part} AS SELECT *, {literal(path.name)} AS {quoted(FILE)}, "
            f"row_number() OVER () + 1 AS {quoted(LINE)} FROM {read}"
        )
    except duckdb.Error as error:
        raise TableError(f"{path.name}: cannot be read as CSV: {str(error).splitlines()[0]}") from error
    return _refused(part, path, connection)


def _refused(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> list[Reject]:
    """Return the lines that were left out, and count them in the lines of the others."""
    rows = connection.execute(
        "SELECT line, min(error_type::VARCHAR), min(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    for line, _, _ in rows:
        connection.execute(f"UPDATE {part} SET {quoted(LINE)} = {quoted(LINE)} + 1 WHERE {quoted(LINE)} >= {line}")
    return [
        Reject(path.name, line, "", _REASONS.get(kind, "The line cannot be read."), text) for line, kind, text in rows
    ]


def _is_utf8(path: Path) -> bool:
    if path.suffix == ".gz":
        return True
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        # A sample may end in the middle of a letter.
        return error.start > len(sample) - 4 and len(sample) == _SAMPLE
    return True


def _load_chinese(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Load a file of the encoding that Chinese office programs write."""
    options = csv.ReadOptions(encoding="gb18030")
    try:
        names = csv.open_csv(path, read_options=options).schema.names
        texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
        rows = csv.read_csv(path, read_options=options, convert_options=texts)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise TableError(f"{path.name}: is neither UTF-8 nor GB 18030 CSV ({error}). Save it as UTF-8.") from error
    connection.register("chinese", rows)
    connection.execute(
        f"CREATE TEMP TABLE {part} AS SELECT *, {literal(path.name)} AS {quoted(FILE)}, "
        f"row_number() OVER () + 1 AS {quoted(LINE)} FROM chinese"
    )
    connection.unregister("chinese")

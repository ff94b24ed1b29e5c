"""CSV files: every value is read as text; a line that does not fit the header is rejected with its reason."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv as arrow_csv

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sql import literal, quoted

_REASONS = {
    "TOO MANY COLUMNS": "The line has more columns than the header: quote the values that hold a separator.",
    "MISSING COLUMNS": "The line has fewer columns than the header.",
    "UNQUOTED VALUE": "The line has a quote that is not closed.",
    "LINE SIZE OVER MAXIMUM": "The line is too long; is a quote not closed?",
    "INVALID ENCODING": "The line is not UTF-8.",
}
_SEPARATORS = ",;\t|"
# The first bytes decide whether a file is UTF-8 or the encoding of Chinese office software.
_SAMPLE = 1 << 20
_CHINESE = "gb18030"
_MAX_RENUMBERED = 1000


def csv_columns(files: list[Path]) -> list[str]:
    """Return the names in the headers of the files."""
    return list(dict.fromkeys(name for path in files for name in _header(path)[0]))


def load_csv(
    table: str, files: list[Path], connection: duckdb.DuckDBPyConnection, wanted: Sequence[str]
) -> list[RejectedRow]:
    """Load the wanted columns of the files as text; return the lines that do not fit the header."""
    rejects: list[RejectedRow] = []
    parts = []
    for number, path in enumerate(files):
        part = quoted(f"{table} part {number}")
        rejects += _load(part, path, connection)
        parts.append(part)
    columns = ", ".join(quoted(name) for name in (*wanted, FILE, LINE))
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts)
    connection.execute(f"CREATE TEMP TABLE {quoted(table)} AS SELECT {columns} FROM ({union})")
    for part in parts:
        connection.execute(f"DROP TABLE {part}")
    return rejects


def peek_csv(path: Path, columns: Iterable[str], rows: int) -> pa.Table:
    """Return the first rows of a file as text; columns that only other files have are null."""
    names, separator, encoding = _header(path)
    with gzip.open(path, "rt", encoding=encoding) if path.suffix == ".gz" else path.open(encoding=encoding) as file:
        lines = list(islice(csv.reader(file, delimiter=separator), 1, rows + 1))
    values = {name: [line[index] if index < len(line) else None for line in lines] for index, name in enumerate(names)}
    nothing = [None] * len(lines)
    return pa.table({name: pa.array(values.get(name, nothing), pa.string()) for name in columns})


def _header(path: Path) -> tuple[list[str], str, str]:
    """Return the names of the first line, the separator and the encoding."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        sample = file.read(_SAMPLE)
    encoding = "utf-8" if _is_utf8(sample) else _CHINESE
    try:
        lines = sample.decode(encoding, errors="ignore" if encoding == "utf-8" else "strict").splitlines()
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name}: is neither UTF-8 nor GB 18030 text ({error}). Save it as UTF-8.") from error
    first = lines[0].removeprefix("\ufeff") if lines else ""
    if not first.strip():
        raise TableError(f"{path.name}: has no header. Its first line must name the columns.")
    separator = max(_SEPARATORS, key=first.count)
    names = next(csv.reader([first], delimiter=separator))
    return _distinct([name.strip() or f"column {number}" for number, name in enumerate(names, 1)]), separator, encoding


def _distinct(names: list[str]) -> list[str]:
    """Return the names with repeated ones numbered, since the database ignores case."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name.lower()] = seen.get(name.lower(), 0) + 1
        distinct.append(name if seen[name.lower()] == 1 else f"{name} {seen[name.lower()]}")
    return distinct


def _is_utf8(sample: bytes) -> bool:
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        # A full sample may end in the middle of a character.
        return len(sample) == _SAMPLE and error.start > len(sample) - 4
    return True


def _load(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
    names, separator, encoding = _header(path)
    if encoding == _CHINESE:
        _load_gb18030(part, path, connection)
        return []
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    read = (
        f"read_csv({literal(str(path))}, columns = {{{columns}}}, delim = {literal(separator)}, quote = '\"', "
        "escape = '\"', header = true, auto_detect = false, store_rejects = true)"
    )
    try:
        connection.execute(_with_line_numbers(part, path, read))
    except duckdb.OutOfMemoryException:
        # The file is not at fault: the memory limit is too low.
        raise
    except duckdb.Error as error:
        raise TableError(f"{path.name}: cannot be read as CSV: {str(error).splitlines()[0]}") from error
    return _rejects(part, path, connection)


def _with_line_numbers(part: str, path: Path, read: str) -> str:
    """Return the SQL that loads a file and adds its name and the line number of each row."""
    return (
        f"CREATE TEMP TABLE {part} AS SELECT *, {literal(path.name)} AS {quoted(FILE)}, "
        f"row_number() OVER () + 1 AS {quoted(LINE)} FROM {read}"
    )


def _rejects(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
    """Return the skipped lines, and correct the line numbers of the rows after them."""
    rows = connection.execute(
        "SELECT line, min(error_type::VARCHAR), min(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    # Beyond this many, exact line numbers are not worth the updates.
    for line, _, _ in rows[:_MAX_RENUMBERED]:
        connection.execute(f"UPDATE {part} SET {quoted(LINE)} = {quoted(LINE)} + 1 WHERE {quoted(LINE)} >= {line}")
    return [
        RejectedRow(path.name, line, "", _REASONS.get(kind, "The line cannot be read."), text)
        for line, kind, text in rows
    ]


def _load_gb18030(part: str, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Load a GB 18030 file, as Chinese office software writes it."""
    names, separator, _ = _header(path)
    texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    opening = arrow_csv.ReadOptions(encoding=_CHINESE, column_names=names, skip_rows=1)
    try:
        rows = arrow_csv.read_csv(
            path,
            read_options=opening,
            parse_options=arrow_csv.ParseOptions(delimiter=separator),
            convert_options=texts,
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise TableError(f"{path.name}: cannot be read as GB 18030 CSV: {error} Save it as UTF-8.") from error
    connection.register("gb18030 rows", rows)
    connection.execute(_with_line_numbers(part, path, quoted("gb18030 rows")))
    connection.unregister("gb18030 rows")

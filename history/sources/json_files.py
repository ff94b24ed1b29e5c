"""JSON lines and JSON arrays: every value is read as text; a line that is not a JSON object is rejected."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.text_layout import distinct_names, open_bytes
from rapport.history.sql import literal, quoted

LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ARRAYS = (".json", ".json.gz")
_REASON = "The line is not a JSON object."
_LONGEST_LINE = 16 << 20
# An object whose first values are plain, followed by a list of objects.
_WRAPPED = re.compile(rb'\{(\s*"[^"]*"\s*:\s*("[^"]*"|[^"\[{]*?)\s*,)*\s*"[^"]*"\s*:\s*\[\s*\{')


def json_columns(path: Path, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of all objects in a file, in the order of their first use."""
    if is_array(path):
        return list(dict.fromkeys(name for record in _records(path) for name in record))
    keys = (
        f"SELECT unnest(json_keys(line)) AS key, row_number() OVER () AS number FROM {_lines(path)} WHERE {_IS_OBJECT}"
    )
    rows = _rows(path, connection, f"SELECT key FROM ({keys}) GROUP BY key ORDER BY min(number)")
    names = [str(key) for (key,) in rows]
    if not names:
        raise TableError(f"{path.name}: holds no JSON object. Write a list of objects, or one object a line.")
    if distinct_names(names) != names:
        raise TableError(f"{path.name}: has two names that differ only in case: {', '.join(names)}. Rename one.")
    return names


def load_json(part: str, path: Path, names: list[str], connection: duckdb.DuckDBPyConnection) -> list[RejectedRow]:
    """Load a file as text into the table ``part`` (an SQL identifier); return the lines that are no objects."""
    position = f"{literal(path.name)} AS {quoted(FILE)}, number AS {quoted(LINE)}"
    if is_array(path):
        connection.register("json records", _as_text(_records(path), names))
        connection.execute(
            f"CREATE TEMP TABLE {part} AS SELECT * RENAME (number AS {quoted(LINE)}), "
            f"{literal(path.name)} AS {quoted(FILE)} FROM {quoted('json records')}"
        )
        connection.unregister("json records")
        return []
    numbered = f"(SELECT line, row_number() OVER () AS number FROM {_lines(path)})"
    cells = ", ".join(f"line ->> {literal(_pointer(name))} AS {quoted(name)}" for name in names)
    _rows(
        path, connection, f"CREATE TEMP TABLE {part} AS SELECT {cells}, {position} FROM {numbered} WHERE {_IS_OBJECT}"
    )
    bad = f"SELECT number, line FROM {numbered} WHERE NOT ({_IS_OBJECT}) AND trim(line) <> ''"
    return [RejectedRow(path.name, number, "", _REASON, line) for number, line in _rows(path, connection, bad)]


def is_array(path: Path) -> bool:
    """Return whether a file holds one array of objects, alone or in an answer of an interface; not an object a line."""
    if path.name.lower().endswith(LINES):
        return False
    with open_bytes(path) as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] == b"[" or not _WRAPPED.match(head):
        return head[:1] == b"["
    with open_bytes(path) as file:
        try:
            return len(_lists(json.loads(file.read().decode("utf-8-sig")))) == 1
        except ValueError:
            # Another object follows: an object a line.
            return False


def _lists(read: Any) -> list[Any]:
    """Return the lists of objects in an object: an answer such as {"value": [...]} has one."""
    values = read.values() if isinstance(read, dict) else ()
    return [each for each in values if isinstance(each, list) and each and isinstance(each[0], dict)]


_IS_OBJECT = "json_valid(line) AND json_type(line) = 'OBJECT'"


def _lines(path: Path) -> str:
    """Return the SQL that reads a file as one text a line."""
    return (
        f"read_csv({literal(str(path))}, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', "
        f"header = false, auto_detect = false, max_line_size = {_LONGEST_LINE})"
    )


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _rows(path: Path, connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    try:
        return connection.execute(sql).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise TableError(f"{path.name}: cannot be read as JSON lines: {str(error).splitlines()[0]}") from error


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        with open_bytes(path) as file:
            read = json.loads(file.read().decode("utf-8-sig"), parse_float=str, parse_int=str)
    except (ValueError, OSError) as error:
        raise TableError(
            f"{path.name}: is not JSON: {error}. Write a list of objects, or one object a line."
        ) from error
    read = _lists(read)[0] if isinstance(read, dict) and len(_lists(read)) == 1 else read
    if not isinstance(read, list) or not all(isinstance(record, dict) for record in read):
        raise TableError(f"{path.name}: is not a list of objects. Write a list of objects, or one object a line.")
    return read


def _as_text(records: list[dict[str, Any]], names: list[str]) -> pa.Table:
    columns = {name: pa.array([_cell(record.get(name)) for record in records], pa.string()) for name in names}
    return pa.table({**columns, "number": pa.array(range(1, len(records) + 1), pa.int64())})


def _cell(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

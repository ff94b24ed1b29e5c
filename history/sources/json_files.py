"""JSON lines and JSON arrays: every value is read as text; a line that is not a JSON object is rejected."""

import json
import re
from collections.abc import Mapping
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
# MongoDB writes values of its own types as objects: {"$oid": "65f0…"}, {"$date": {"$numberLong": "1704067200000"}}.
_WRAPPED = re.compile(r"(\.\$(oid|uuid|date|number(Decimal|Long|Int|Double)))+$")
# Objects in objects are read to this depth.
_DEPTH = 3


def json_columns(path: Path, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of all objects in a file, in the order of their first use; of an object in it as ``a.b``."""
    if is_array(path):
        return list(dict.fromkeys(name for record in _records(path) for name in record))
    names = list(_pointers(path, connection))
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
    pointers = _pointers(path, connection)
    cells = ", ".join(f"line ->> {literal(pointers[name])} AS {quoted(name)}" for name in names)
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
        first = file.readline(_LONGEST_LINE).lstrip(b"\xef\xbb\xbf \t\r\n")
        if first[:1] == b"[":
            return True
        if _is_object(first) and file.read(4096).strip():
            # Another object follows: an object a line.
            return False
    with open_bytes(path) as file:
        try:
            return len(_lists(json.loads(file.read().decode("utf-8-sig")))) == 1
        except ValueError:
            return False


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _lists(read: object, depth: int = 3) -> list[object]:
    """Return the lists of objects in an object: {"value": [...]} and {"data": {"items": [...]}} have one."""
    found: list[object] = []
    for each in read.values() if isinstance(read, dict) else ():
        if isinstance(each, list) and each and isinstance(each[0], dict):
            found.append(each)
        elif depth > 1:
            found += _lists(each, depth - 1)
    return found


def _pointers(path: Path, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the place of each name in the objects of a file; an object in an object has its names after a point."""
    found = _names_below(path, connection, "", "")
    for _ in range(_DEPTH - 1):
        objects = _objects(path, connection, found)
        level: dict[str, str] = {}
        for name, pointer in found.items():
            level |= _names_below(path, connection, f"{name}.", pointer) if name in objects else {name: pointer}
        found = level
    return {_WRAPPED.sub("", name): pointer for name, pointer in found.items()}


def _objects(path: Path, connection: duckdb.DuckDBPyConnection, pointers: Mapping[str, str]) -> set[str]:
    """Return the names that hold objects and nothing else."""
    if not pointers:
        return set()
    kinds = [f"json_type(line, {literal(pointer)})" for pointer in pointers.values()]
    tests = [f"bool_and({kind} = 'OBJECT') FILTER ({kind} <> 'NULL')" for kind in kinds]
    ((*only,),) = _rows(path, connection, f"SELECT {', '.join(tests)} FROM {_lines(path)} WHERE {_IS_OBJECT}")
    return {name for name, test in zip(pointers, only, strict=True) if test}


def _names_below(path: Path, connection: duckdb.DuckDBPyConnection, prefix: str, pointer: str) -> dict[str, str]:
    place = literal(pointer)
    keys = (
        f"SELECT unnest(json_keys(line, {place})) AS key, row_number() OVER () AS number FROM {_lines(path)} "
        f"WHERE {_IS_OBJECT} AND json_type(line, {place}) = 'OBJECT'"
    )
    rows = _rows(path, connection, f"SELECT key FROM ({keys}) GROUP BY key ORDER BY min(number)")
    return {f"{prefix}{key}": pointer + _pointer(str(key)) for (key,) in rows}


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


def _records(path: Path) -> list[dict[str, object]]:
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
    return [_flat(record) for record in read]


def _flat(record: dict[str, object], depth: int = _DEPTH) -> dict[str, object]:
    cells: dict[str, object] = {}
    for name, value in record.items():
        if isinstance(value, dict) and len(value) == 1 and _WRAPPED.search(f".{next(iter(value))}"):
            (cells[name],) = _flat(value, depth).values()
        elif isinstance(value, dict) and value and depth > 1:
            cells |= {f"{name}.{below}": cell for below, cell in _flat(value, depth - 1).items()}
        else:
            cells[name] = value
    return cells


def _as_text(records: list[dict[str, object]], names: list[str]) -> pa.Table:
    columns = {name: pa.array([_cell(record.get(name)) for record in records], pa.string()) for name in names}
    return pa.table({**columns, "number": pa.array(range(1, len(records) + 1), pa.int64())})


def _cell(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

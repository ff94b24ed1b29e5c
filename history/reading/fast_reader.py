"""Reading of small tables in memory without the database: the rows of a request, in a millisecond.

Only values with one possible meaning are read here. A table with any other value is read by SQL, which also gives the
reasons for rejected rows. A law test holds both readers to the same cells.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from rapport.history.contract import Column, Table, by_name, columns_of
from rapport.history.contract.limits import LARGEST, LATEST, MAX_GAP_YEARS
from rapport.history.contract.value_synonyms import VALUE_SYNONYMS
from rapport.history.reading.database import Database
from rapport.history.reading.table_names import normalized_name
from rapport.history.reading.text_cleaning import NO_TEXT, NOTHING, TOTALS
from rapport.history.sentiment import text_sentiment
from rapport.history.settings import Settings
from rapport.history.sql import quoted

Cells = list[Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
# A whole column decides whether 4.400 is a small number or a large one.
_UNCLEAR = re.compile(r"-?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_MARKED_ID = re.compile("^'|[\uff01-\uff5e]")
_WORDS = frozenset((*NOTHING, *TOTALS))
_MIN_YEAR, _MIN_ZONED_YEAR, _MAX_YEAR = 1901, 1971, 2199
_ARROW = {
    "id": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "flag": pa.bool_(),
}
# The range of DuckDB's integers.
_INTEGER_LIMIT = 2**63
_NO_END = datetime.fromisoformat(LATEST)


class _UnsupportedValueError(Exception):
    """A value that only the SQL reader can read or reject."""


@dataclass(frozen=True)
class ParsedTable:
    """One table: the cells of every contract column and attribute, and which contract columns are present."""

    rows: int
    cells: Mapping[str, Cells]
    attributes: Mapping[str, Cells]
    present: frozenset[str]
    time_range: tuple[datetime | None, datetime | None]


def parse_records(
    table: Table, records: Sequence[Mapping[str, object]], settings: Settings, *, complete: bool
) -> ParsedTable | None:
    """Read the records of one table; None if any value needs the SQL reader."""
    try:
        return _read(table, records, settings, complete=complete)
    except _UnsupportedValueError:
        return None


def register_tables(tables: Mapping[str, ParsedTable], database: Database) -> None:
    """Create the tables in the database, as the SQL reader would."""
    for name, parsed in tables.items():
        columns = {column.name: pa.array(parsed.cells[column.name], _ARROW[column.kind]) for column in _columns(name)}
        columns |= {extra: _attribute_array(cells) for extra, cells in parsed.attributes.items()}
        database.loaded.add(name)
        database.connection.register(f"memory {name}", pa.table(columns))
        database.connection.execute(
            f"CREATE TABLE reading.{quoted(name)} AS FROM {quoted(f'memory {name}')}; "
            f"CREATE OR REPLACE VIEW {quoted(name)} AS FROM reading.{quoted(name)}"
        )
        database.connection.unregister(f"memory {name}")


def _columns(name: str) -> tuple[Column, ...]:
    return columns_of(by_name(name))


def _attribute_array(cells: Cells) -> pa.Array:
    numbers = any(isinstance(cell, float) for cell in cells)
    return pa.array(cells, pa.float64() if numbers else pa.string())


def _read(table: Table, records: Sequence[Mapping[str, object]], settings: Settings, *, complete: bool) -> ParsedTable:
    if table.name == "contracts" and settings.churn == "subscriptions":
        # The SQL reader reads the end as the time of cancellation.
        raise _UnsupportedValueError
    names = _names(table, records, settings)
    columns = columns_of(table)
    empty: Cells = [None] * len(records)
    cells = {column.name: _column(column, records, settings) if column.name in names else empty for column in columns}
    if table.name == "interactions" and settings.sentiment == "text" and "text" in names:
        names = list(dict.fromkeys([*names, "sentiment"]))
        cells["sentiment"] = _with_sentiment(cells["sentiment"], cells["text"])
    known = {column.name for column in columns}
    extra = [name for name in names if name not in known] if table.name == "customers" else []
    attributes = {name: _attribute([record.get(name) for record in records]) for name in extra}
    if table.key is not None and len(set(cells[table.key])) < len(records):
        raise _UnsupportedValueError
    time_range = _time_range(cells[table.time])
    if complete:
        _check_isolated_times(columns, cells)
    return ParsedTable(len(records), cells, attributes, frozenset(names) & known, time_range)


def _with_sentiment(sentiments: Cells, texts: Cells) -> Cells:
    return [
        text_sentiment(text) if number is None and text is not None else number
        for number, text in zip(sentiments, texts, strict=True)
    ]


def _names(table: Table, records: Sequence[Mapping[str, object]], settings: Settings) -> list[str]:
    """Return the names in the records; names that need a mapping or normalization are left to the SQL reader."""
    if not all(isinstance(record, dict) for record in records):
        raise _UnsupportedValueError
    # Nearly always all records have the same names.
    uniform = all(record.keys() == records[0].keys() for record in records)
    names = list(records[0] if uniform else dict.fromkeys(name for record in records for name in record))
    known = {column.name for column in columns_of(table)}
    own = settings.mapping.get(table.name, {}).values()
    if len({str(name).lower() for name in names}) < len(names):
        raise _UnsupportedValueError
    if any(name in own or _reserved(name, known) for name in names) or any(
        need not in names for need in table.required
    ):
        raise _UnsupportedValueError
    return names


@cache
def _normalized(name: str) -> str:
    return normalized_name(name)


def _reserved(name: object, known: set[str]) -> bool:
    if not isinstance(name, str):
        return True
    return name not in known and (
        _normalized(name) in known or _normalized(name) in ("table", "currency", "currency_code")
    )


def _column(column: Column, records: Sequence[Mapping[str, object]], settings: Settings) -> Cells:
    name = column.name
    read = _reader(column, settings)
    cells = [None if (value := record.get(name)) is None else read(value) for record in records]
    if column.required and None in cells:
        raise _UnsupportedValueError
    if name == "ends_at":
        # As the SQL reader: a contract without an end ends after all others.
        return [_NO_END if cell is None else cell for cell in cells]
    return cells


def _reader(column: Column, settings: Settings) -> Callable[[Any], Any]:
    match column.kind:
        case "id":
            return _id
        case "time":
            return partial(_timestamp, ZoneInfo(settings.timezone))
        case "number":
            return partial(_number, column.low, column.high, settings.decimal)
        case "flag":
            return _flag
        case _:
            known = {**VALUE_SYNONYMS.get(column.name, {}), **settings.value_mapping.get(column.name, {})}
            return partial(_mapped_text, _lowered(known)) if known else _text


def _lowered(known: Mapping[str, str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for own, word in known.items():
        words.setdefault(own.lower(), word)
    return words


def _id(value: object) -> str | None:
    if type(value) is int and -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        return str(value)
    text = _text(value)
    if text is not None and (text.lower() in _WORDS or text.endswith(".0") or _MARKED_ID.search(text)):
        raise _UnsupportedValueError
    return text


def _text(value: Any) -> str | None:
    if type(value) is not str:
        raise _UnsupportedValueError
    text = _printable(value).strip(" ")
    if text.startswith("=") or text.lower() in NO_TEXT:
        raise _UnsupportedValueError
    return text or None


def _printable(text: str) -> str:
    # Readers treat unprintable characters (control characters, lone surrogates) differently.
    if not text.isprintable():
        raise _UnsupportedValueError
    return text


def _mapped_text(known: Mapping[str, str], value: object) -> str | None:
    text = _text(value)
    if text is not None and not text.isascii() and text.lower() != text:
        raise _UnsupportedValueError
    return None if text is None else known.get(text.lower(), text)


def _timestamp(zone: ZoneInfo, value: object) -> datetime:
    if type(value) is str and _TIME.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise _UnsupportedValueError from error
    elif type(value) is datetime and value.tzinfo is None:
        moment = value
    else:
        raise _UnsupportedValueError
    if moment.tzinfo is not None and moment.year >= _MIN_ZONED_YEAR:
        moment = moment.astimezone(zone).replace(tzinfo=None)
    # Time zone databases differ about the years before 1970.
    if moment.tzinfo is not None or not _MIN_YEAR <= moment.year <= _MAX_YEAR:
        raise _UnsupportedValueError
    return moment


def _number(low: float | None, high: float | None, decimal: str, value: Any) -> float:
    integer = type(value) is int and abs(value) < _INTEGER_LIMIT
    text = type(value) is str and _NUMBER.fullmatch(value) and decimal != "," and not _UNCLEAR.fullmatch(value)
    if not (integer or text or type(value) is float):
        raise _UnsupportedValueError
    number = float(value)
    if not abs(number) <= LARGEST or (low is not None and number < low) or (high is not None and number > high):
        raise _UnsupportedValueError
    return number


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise _UnsupportedValueError
    return value


def _attribute(values: Cells) -> Cells:
    """Return an attribute as numbers or as texts; mixed values are left to the SQL reader."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return [None if value is None else _printable(value) for value in values]
    if kinds <= {int, float} and all(value is None or abs(value) < _INTEGER_LIMIT for value in values):
        return [None if value is None else float(value) for value in values]
    raise _UnsupportedValueError


def _time_range(times: Cells) -> tuple[datetime | None, datetime | None]:
    known = [time for time in times if time is not None]
    return (min(known), max(known)) if known else (None, None)


def _check_isolated_times(columns: Sequence[Column], cells: Mapping[str, Cells]) -> None:
    """Leave a time far from all others to the SQL reader."""
    for column in columns:
        if column.kind == "time" and not column.planned:
            first, last = _time_range(cells[column.name])
            if first is not None and last is not None and last.year - first.year > MAX_GAP_YEARS:
                raise _UnsupportedValueError

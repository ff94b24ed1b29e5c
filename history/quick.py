"""Clean rows in memory, read without the database: what a request brings, in a millisecond.

Only values that can be read in one way are read here; a table with anything else, were it one value, goes the long way
through SQL with its reasons. A law holds both ways to the same cells.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from rapport.history.casting import LARGEST, quoted
from rapport.history.contract import Column, Table, by_name, columns_of
from rapport.history.engine import Engine
from rapport.history.looking import LONELY_YEARS
from rapport.history.moods import mood_of
from rapport.history.naming import plain
from rapport.history.settings import Settings
from rapport.history.value_words import KNOWN_WORDS

Cells = list[Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)?)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_FIRST_YEAR, _SURE_YEAR, _LAST_YEAR = 1901, 1971, 2199
_ARROW = {
    "id": pa.string(),
    "text": pa.string(),
    "time": pa.timestamp("us"),
    "number": pa.float64(),
    "flag": pa.bool_(),
}
# What the engine's whole numbers can hold.
_WHOLE = 2**63


class _OddError(Exception):
    """A value that has to go the long way."""


@dataclass(frozen=True)
class Quick:
    """One table that was read: the cells of every contract column, of the attributes, and which were given."""

    rows: int
    cells: Mapping[str, Cells]
    attributes: Mapping[str, Cells]
    present: frozenset[str]
    span: tuple[datetime | None, datetime | None]


def read_quickly(
    table: Table, records: Sequence[Mapping[str, Any]], settings: Settings, *, whole: bool
) -> Quick | None:
    """Read records of one table; None where any value needs the long way."""
    try:
        return _read(table, records, settings, whole=whole)
    except _OddError:
        return None


def publish(tables: Mapping[str, Quick], engine: Engine) -> None:
    """Put the tables into an engine, as if they had been read there."""
    for name, quick in tables.items():
        columns = {column.name: pa.array(quick.cells[column.name], _ARROW[column.kind]) for column in _columns(name)}
        columns |= {extra: _attribute_array(cells) for extra, cells in quick.attributes.items()}
        engine.laid.add(name)
        engine.connection.register(f"memory {name}", pa.table(columns))
        engine.connection.execute(
            f"CREATE TABLE reading.{quoted(name)} AS FROM {quoted(f'memory {name}')}; "
            f"CREATE OR REPLACE VIEW {quoted(name)} AS FROM reading.{quoted(name)}"
        )
        engine.connection.unregister(f"memory {name}")


def _columns(name: str) -> tuple[Column, ...]:
    return columns_of(by_name(name))


def _attribute_array(cells: Cells) -> pa.Array:
    numbers = any(isinstance(cell, float) for cell in cells)
    return pa.array(cells, pa.float64() if numbers else pa.string())


def _read(table: Table, records: Sequence[Mapping[str, Any]], settings: Settings, *, whole: bool) -> Quick:
    names = _names(table, records, settings)
    columns = columns_of(table)
    nothing: Cells = [None] * len(records)
    cells = {column.name: _column(column, records, settings) if column.name in names else nothing for column in columns}
    if table.name == "interactions" and settings.sentiment == "text" and "text" in names:
        names = list(dict.fromkeys([*names, "sentiment"]))
        cells["sentiment"] = _with_moods(cells["sentiment"], cells["text"])
    known = {column.name for column in columns}
    extra = [name for name in names if name not in known] if table.name == "customers" else []
    attributes = {name: _attribute([record.get(name) for record in records]) for name in extra}
    if table.key is not None and len(set(cells[table.key])) < len(records):
        raise _OddError
    span = _span(cells[table.time])
    if whole:
        _refuse_lonely(columns, cells)
    return Quick(len(records), cells, attributes, frozenset(names) & known, span)


def _with_moods(given: Cells, texts: Cells) -> Cells:
    return [
        mood_of(text) if number is None and text is not None else number
        for number, text in zip(given, texts, strict=True)
    ]


def _names(table: Table, records: Sequence[Mapping[str, Any]], settings: Settings) -> list[str]:
    """Return the names given; odd are those that only a mapping or a look at their spelling explains."""
    if not all(isinstance(record, dict) for record in records):
        raise _OddError
    # Nearly always all records name the same: then one stands for all of them.
    alike = all(record.keys() == records[0].keys() for record in records)
    names = list(records[0] if alike else dict.fromkeys(name for record in records for name in record))
    known = {column.name for column in columns_of(table)}
    own = settings.mapping.get(table.name, {}).values()
    if len({str(name).lower() for name in names}) < len(names):
        raise _OddError
    if any(name in own or _reserved(name, known) for name in names) or any(
        need not in names for need in table.required
    ):
        raise _OddError
    return names


@cache
def _spelt(name: str) -> str:
    return plain(name)


def _reserved(name: Any, known: set[str]) -> bool:
    if not isinstance(name, str):
        return True
    return name not in known and (_spelt(name) in known or _spelt(name) in ("table", "currency", "currency_code"))


def _column(column: Column, records: Sequence[Mapping[str, Any]], settings: Settings) -> Cells:
    name = column.name
    read = _reader(column, settings)
    cells = [None if (value := record.get(name)) is None else read(value) for record in records]
    if column.required and None in cells:
        raise _OddError
    return cells


def _reader(column: Column, settings: Settings) -> Callable[[Any], Any]:
    match column.kind:
        case "id":
            return _id
        case "time":
            return partial(_moment, ZoneInfo(settings.zone))
        case "number":
            return partial(_number, column.low, column.high)
        case "flag":
            return _flag
        case _:
            known = {**KNOWN_WORDS.get(column.name, {}), **settings.words.get(column.name, {})}
            return partial(_word, _lowered(known)) if known else _text


def _lowered(known: Mapping[str, str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for own, word in known.items():
        words.setdefault(own.lower(), word)
    return words


def _id(value: Any) -> str | None:
    if type(value) is int and -_WHOLE <= value < _WHOLE:
        return str(value)
    return _text(value)


def _text(value: Any) -> str | None:
    if type(value) is not str:
        raise _OddError
    return _printable(value).strip(" ") or None


def _printable(text: str) -> str:
    # What cannot be printed is what engines disagree about: control signs, halves of letters.
    if not text.isprintable():
        raise _OddError
    return text


def _word(known: Mapping[str, str], value: Any) -> str | None:
    text = _text(value)
    if text is not None and not text.isascii() and text.lower() != text:
        raise _OddError
    return None if text is None else known.get(text.lower(), text)


def _moment(zone: ZoneInfo, value: Any) -> datetime:
    if type(value) is str and _TIME.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise _OddError from error
    elif type(value) is datetime and value.tzinfo is None:
        moment = value
    else:
        raise _OddError
    if moment.tzinfo is not None and moment.year >= _SURE_YEAR:
        moment = moment.astimezone(zone).replace(tzinfo=None)
    # Before 1970 the books on zones differ.
    if moment.tzinfo is not None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise _OddError
    return moment


def _number(low: float | None, high: float | None, value: Any) -> float:
    whole = type(value) is int and abs(value) < _WHOLE
    written = type(value) is str and _NUMBER.fullmatch(value)
    if not (whole or written or type(value) is float):
        raise _OddError
    number = float(value)
    if not abs(number) <= LARGEST or (low is not None and number < low) or (high is not None and number > high):
        raise _OddError
    return number


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise _OddError
    return value


def _attribute(values: Cells) -> Cells:
    """Return an attribute as numbers or as texts, as the engine would; of anything mixed it knows better."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return [None if value is None else _printable(value) for value in values]
    if kinds <= {int, float} and all(value is None or abs(value) < _WHOLE for value in values):
        return [None if value is None else float(value) for value in values]
    raise _OddError


def _span(times: Cells) -> tuple[datetime | None, datetime | None]:
    known = [time for time in times if time is not None]
    return (min(known), max(known)) if known else (None, None)


def _refuse_lonely(columns: Sequence[Column], cells: Mapping[str, Cells]) -> None:
    """Leave it to the long way to tell whether a time is far from all others."""
    for column in columns:
        if column.kind == "time" and not column.planned:
            first, last = _span(cells[column.name])
            if first is not None and last is not None and last.year - first.year > LONELY_YEARS:
                raise _OddError

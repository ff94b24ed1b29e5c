"""How much a company's own column looks like one of the contract: by its name, and by what stands in it."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import yaml
from rapport.history.casting import Given, quoted, reading
from rapport.history.contract import RECORDED_AT, Column, Table, Words
from rapport.history.naming import plain
from rapport.history.settings import Settings
from rapport.history.sources import Source

# What a name is worth: the contract's own, a known synonym, one that holds a synonym's words, one spelt alike.
OWN, SYNONYM, HOLDS, ALIKE = 1.0, 0.9, 0.6, 0.5
SAMPLE_ROWS = 1000
# A column is of a kind if nearly all of what stands in it can be read so.
READABLE = 0.8


@dataclass(frozen=True)
class Shapes:
    """For each column of a source: the share of its values that can be read in each form, and of rows that have one."""

    readable: Mapping[tuple[str, str], float]
    filled: Mapping[str, float]


@cache
def synonyms() -> dict[str, dict[str, list[str]]]:
    """Read the names that other systems use."""
    text = files("rapport.history").joinpath("synonyms.yaml").read_text(encoding="utf-8")
    read: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    return read


def table_likeness(table: Table, own: str) -> float:
    """Return how much a table's own name is the contract's."""
    bare = plain(own.rsplit(".", 1)[-1])
    return _name_likeness(bare, table.name, synonyms()["tables"].get(table.name, []))


def column_likeness(table: Table, column: Column, own: str) -> float:
    """Return how much a column's own name is the contract's."""
    known = synonyms()["columns"]
    special, usual = known.get(f"{table.name}.{column.name}", []), known.get(column.name, [])
    return _name_likeness(plain(own), column.name, [*special, *usual])


def fits(column: Column, own: str, shapes: Shapes) -> bool:
    """Tell whether what stands in a column can be what the contract's column holds."""
    if shapes.filled[own] == 0:
        return not column.required
    if column.required and shapes.filled[own] < READABLE:
        return False
    return shapes.readable[own, column.kind] >= READABLE


def shapes_of(source: Source, engine: duckdb.DuckDBPyConnection) -> Shapes:
    """Look at some rows of a source."""
    parts = [part for own, kind in source.types.items() for part in _questions(own, kind)]
    answers = iter([float(each or 0) for each in _ask(source, engine, parts)])
    filled, readable = {}, {}
    for own in source.types:
        filled[own] = next(answers)
        readable.update({(own, form): next(answers) for form, _, _ in _FORMS})
        readable[own, "time"] = max(readable[own, form] for form in DATES)
    return Shapes(readable, filled)


DATES = ("iso", "day_first", "month_first")
_FORMS = (
    *((dates, RECORDED_AT, Settings(dates=dates)) for dates in DATES),
    *((kind, Column("any", kind, Words("", "")), Settings()) for kind in ("id", "number", "flag", "text")),
)


def _questions(own: str, kind: str) -> list[str]:
    """Return SQL for the share of rows where something stands, and of those that can be read in each form."""
    name = quoted(own)
    given = f"nullif(trim(CAST({name} AS VARCHAR)), '')"
    forms = [reading(Given(column, name, kind), settings) for _, column, settings in _FORMS]
    return [
        f"count({given}) / nullif(count(*), 0)",
        *(f"count({form}) / nullif(count({given}), 0)" for form in forms),
    ]


def _ask(source: Source, engine: duckdb.DuckDBPyConnection, parts: list[str]) -> tuple[Any, ...]:
    if source.peek is not None:
        engine.register("peeked", source.peek(SAMPLE_ROWS))
    rows = "peeked" if source.peek is not None else f"({source.sql} LIMIT {SAMPLE_ROWS})"
    return tuple(engine.execute(f"SELECT {', '.join(parts)} FROM {rows}").fetchall()[0])


def _name_likeness(own: str, name: str, known: list[str]) -> float:
    if own == name:
        return OWN
    if own in known:
        return SYNONYM
    if any(_holds(own, word) for word in (name, *known)):
        return HOLDS
    close = max(difflib.SequenceMatcher(None, own, word).ratio() for word in (name, *known))
    return ALIKE if close >= 0.85 else 0.0


def _holds(own: str, word: str) -> bool:
    """Tell whether the words of a name are among those of another; Chinese has no gaps between words."""
    if re.search(r"[\u4e00-\u9fff]", word):
        return len(word) > 1 and word in own
    parts = own.split("_")
    wanted = word.split("_")
    return any(parts[place : place + len(wanted)] == wanted for place in range(len(parts) - len(wanted) + 1))

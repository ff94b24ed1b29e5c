"""Looking over one table while it is being read: what is wrong with its rows, and which rows those are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa
from rapport.history.casting import Complaint, Given, given_name, literal, quoted
from rapport.history.contract import Table
from rapport.history.rejects import FILE, LINE, SCHEMA
from rapport.history.sources import Source

from rapport.errors import TableError

# A time that stands alone, more than this many years after all others, is a slip of the pen.
LONELY_YEARS = 10
TWICE = "is there already: the first row is kept."

Moments = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Opened:
    """One table while it is being read: ``view`` has every column as given and as read."""

    table: Table
    source: Source
    given: tuple[Given, ...]
    view: str
    connection: duckdb.DuckDBPyConnection

    def ask(self, sql: str) -> list[Any]:
        """Return the rows of a query; a file that breaks in the middle is the user's matter, not ours."""
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.OutOfMemoryException:
            # That is no fault of the file; whoever set the limit is told.
            raise
        except duckdb.Error as error:
            raise TableError(f"{self.source.origin}: cannot be read: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True)
class Sight:
    """What one pass over a table found: rows, bad and repeated ones, first and last times."""

    rows: int
    bad: int
    repeated: int
    spans: Mapping[str, Moments]


def look(opened: Opened, found: list[Complaint]) -> Sight:
    """Pass once over the table."""
    times = [each.column.name for each in opened.given if each.column.kind == "time"]
    good = "FILTER (problem IS NULL)"
    key = opened.table.key
    parts = ["count(*)", "count(problem)"]
    parts.append(f"count(*) {good} - count(DISTINCT {quoted(key)}) {good}" if key else "0")
    parts += [f"{end}({quoted(name)}) {good}" for name in times for end in ("min", "max")]
    rows, bad, repeated, *rest = opened.ask(f"SELECT {', '.join(parts)} FROM {_judged(opened, found)}")[0]
    spans = {name: (rest[2 * index], rest[2 * index + 1]) for index, name in enumerate(times)}
    return Sight(rows, bad, repeated, spans)


def problem(found: list[Complaint]) -> str:
    """Return SQL for the number of the first complaint about a row; null for a good row."""
    cases = " ".join(f"WHEN {complaint.sql} THEN {number}" for number, complaint in enumerate(found))
    return f"CASE {cases} END" if cases else "CAST(NULL AS INTEGER)"


def lonely(opened: Opened, found: list[Complaint], sight: Sight) -> list[Complaint]:
    """Return complaints about times that stand alone far after all others."""
    late = []
    for each in opened.given:
        first, last = sight.spans.get(each.column.name, (None, None))
        if each.column.planned or first is None or last is None or last.year - first.year <= LONELY_YEARS:
            continue
        name = quoted(each.column.name)
        years = opened.ask(
            f"SELECT year({name}), count(*) FROM {opened.view} "
            f"WHERE {problem(found)} IS NULL AND {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        bound = _end_of_company(years)
        if bound is not None:
            reason = f"{each.column.name} lies more than {LONELY_YEARS} years after all others: is the year right?"
            late.append(Complaint(each.column.name, reason, f"{name} >= TIMESTAMP '{bound}-01-01'"))
    return late


def bad_rows(opened: Opened, found: list[Complaint]) -> pa.Table:
    """Return the rows with a complaint, each with its first one."""
    columns = _case({number: literal(complaint.column) for number, complaint in enumerate(found)})
    reasons = _case({number: literal(complaint.reason) for number, complaint in enumerate(found)})
    values = _case({number: _as_given(complaint.column) for number, complaint in enumerate(found)})
    return _rejects(opened, columns, reasons, values, f"{_judged(opened, found)} WHERE problem IS NOT NULL")


def repeated_rows(opened: Opened, found: list[Complaint], twice: str) -> pa.Table:
    """Return the rows whose key is on an earlier line already, and keep where they stood in ``twice``."""
    key = opened.table.key or ""
    order = f"PARTITION BY {quoted(key)} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    opened.connection.execute(
        f"CREATE TABLE {twice} AS SELECT {quoted(FILE)}, {quoted(LINE)}, {quoted(key)} AS value "
        f"FROM {opened.view} WHERE {problem(found)} IS NULL QUALIFY row_number() OVER ({order}) > 1"
    )
    return _rejects(opened, literal(key), literal(f"{key} {TWICE}"), "value", twice)


def _rejects(opened: Opened, column: str, reason: str, value: str, rows: str) -> pa.Table:
    """Return rejected rows; as Arrow, since there may be millions of them."""
    file = f"parse_filename({quoted(FILE)})"
    sql = (
        f"SELECT {literal(opened.table.name)} AS table, {file} AS file, CAST({quoted(LINE)} AS BIGINT) AS line, "
        f"{column} AS column, {reason} AS reason, {value} AS value FROM {rows} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    )
    return opened.connection.sql(sql).to_arrow_table().cast(SCHEMA)


def _case(answers: Mapping[int, str]) -> str:
    return f"CASE problem {' '.join(f'WHEN {number} THEN {sql}' for number, sql in answers.items())} END"


def _as_given(column: str) -> str:
    return f"CAST({quoted(given_name(column))} AS VARCHAR)"


def _judged(opened: Opened, found: list[Complaint]) -> str:
    return f"(SELECT *, {problem(found)} AS problem FROM {opened.view})"


def _end_of_company(years: list[tuple[int, int]]) -> int | None:
    """Return the year that comes after a long silence, if the bulk of the rows lies before it."""
    half = sum(count for _, count in years) / 2
    before = 0
    for (year, count), (following, _) in pairwise(years):
        before += count
        if before > half and following - year > LONELY_YEARS:
            return following
    return None

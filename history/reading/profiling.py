"""One pass over a table: how many rows it has, which of them are invalid or duplicates, and its time ranges."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import duckdb
import pyarrow as pa

from rapport.errors import TableError
from rapport.history.contract import Table
from rapport.history.contract.limits import MAX_GAP_YEARS
from rapport.history.reading.casting import SourceColumn
from rapport.history.reading.rejection_rules import RejectionRule, raw_name
from rapport.history.reading.versions import VALID_FROM
from rapport.history.rejected_rows import FILE, LINE, SCHEMA
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

DUPLICATE_KEY = "is there already: the first row is kept."

TimeRange = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class StagedTable:
    """A table while it is being read: ``view`` has every column both raw and cast."""

    table: Table
    source: Source
    columns: tuple[SourceColumn, ...]
    view: str
    connection: duckdb.DuckDBPyConnection

    @property
    def unique(self) -> tuple[str, ...]:
        """Return the columns that name a row: the key, and of a table with every version when it began."""
        names = {each.column.name for each in self.columns}
        return tuple(name for name in (self.table.key, VALID_FROM) if name in names)

    def query(self, sql: str) -> list[Any]:
        """Return the rows of a query; TableError if the data cannot be read."""
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.OutOfMemoryException:
            # The data is not at fault: the memory limit is too low.
            raise
        except duckdb.Error as error:
            raise TableError(f"{self.source.origin}: cannot be read: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True)
class TableProfile:
    """Numbers of rows, invalid rows and duplicates of a table, and the first and last value of each time column."""

    rows: int
    invalid: int
    duplicates: int
    time_ranges: Mapping[str, TimeRange]


def profile(staged: StagedTable, rules: list[RejectionRule]) -> TableProfile:
    """Compute the profile in one pass."""
    times = [each.column.name for each in staged.columns if each.column.kind == "time"]
    valid = "FILTER (problem IS NULL)"
    key = ", ".join(map(quoted, staged.unique))
    key = f"({key})" if len(staged.unique) > 1 else key
    parts = ["count(*)", "count(problem)"]
    parts.append(f"count(*) {valid} - count(DISTINCT {key}) {valid}" if key else "0")
    parts += [f"{end}({quoted(name)}) {valid}" for name in times for end in ("min", "max")]
    rows, invalid, duplicates, *rest = staged.query(f"SELECT {', '.join(parts)} FROM {_validated(staged, rules)}")[0]
    ranges = {name: (rest[2 * index], rest[2 * index + 1]) for index, name in enumerate(times)}
    return TableProfile(rows, invalid, duplicates, ranges)


def first_violation(rules: list[RejectionRule]) -> str:
    """Return the SQL for the index of the first violated rule of a row; null for a valid row."""
    cases = " ".join(f"WHEN {rule.sql} THEN {number}" for number, rule in enumerate(rules))
    return f"CASE {cases} END" if cases else "CAST(NULL AS INTEGER)"


def isolated_times(staged: StagedTable, rules: list[RejectionRule], found: TableProfile) -> list[RejectionRule]:
    """Return rules that reject times far after all others, which are typing errors."""
    late = []
    for each in staged.columns:
        first, last = found.time_ranges.get(each.column.name, (None, None))
        if each.column.planned or first is None or last is None or last.year - first.year <= MAX_GAP_YEARS:
            continue
        name = quoted(each.column.name)
        years = staged.query(
            f"SELECT year({name}), count(*) FROM {staged.view} "
            f"WHERE {first_violation(rules)} IS NULL AND {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        bound = _first_isolated_year(years)
        if bound is not None:
            reason = f"{each.column.name} lies more than {MAX_GAP_YEARS} years after all others: is the year right?"
            late.append(RejectionRule(each.column.name, reason, f"{name} >= TIMESTAMP '{bound}-01-01'"))
    return late


def invalid_rows(staged: StagedTable, rules: list[RejectionRule]) -> pa.Table:
    """Return the rows that violate a rule, each with its first violation."""
    columns = _case({number: literal(rule.column) for number, rule in enumerate(rules)})
    reasons = _case({number: literal(rule.reason) for number, rule in enumerate(rules)})
    values = _case({number: _raw_value(rule.column) for number, rule in enumerate(rules)})
    return _rejects(staged, columns, reasons, values, f"{_validated(staged, rules)} WHERE problem IS NOT NULL")


def duplicate_rows(staged: StagedTable, rules: list[RejectionRule], positions: str) -> pa.Table:
    """Return the rows whose key an earlier line has, and store their file and line in the table ``positions``."""
    key = staged.table.key or ""
    order = f"PARTITION BY {', '.join(map(quoted, staged.unique))} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    staged.connection.execute(
        f"CREATE TABLE {positions} AS SELECT {quoted(FILE)}, {quoted(LINE)}, {quoted(key)} AS value "
        f"FROM {staged.view} WHERE {first_violation(rules)} IS NULL QUALIFY row_number() OVER ({order}) > 1"
    )
    return _rejects(staged, literal(key), literal(f"{key} {DUPLICATE_KEY}"), "value", positions)


def _rejects(staged: StagedTable, column: str, reason: str, value: str, rows: str) -> pa.Table:
    """Return rejected rows as Arrow, since there may be millions of them."""
    file = f"parse_filename({quoted(FILE)})"
    sql = (
        f"SELECT {literal(staged.table.name)} AS table, {file} AS file, CAST({quoted(LINE)} AS BIGINT) AS line, "
        f"{column} AS column, {reason} AS reason, {value} AS value FROM {rows} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    )
    rejects: pa.Table = staged.connection.sql(sql).to_arrow_table().cast(SCHEMA)
    return rejects


def _case(branches: Mapping[int, str]) -> str:
    return f"CASE problem {' '.join(f'WHEN {number} THEN {sql}' for number, sql in branches.items())} END"


def _raw_value(column: str) -> str:
    return f"CAST({quoted(raw_name(column))} AS VARCHAR)"


def _validated(staged: StagedTable, rules: list[RejectionRule]) -> str:
    return f"(SELECT *, {first_violation(rules)} AS problem FROM {staged.view})"


def _first_isolated_year(years: list[tuple[int, int]]) -> int | None:
    """Return the first year after a gap of many years, if most of the rows lie before the gap."""
    half = sum(count for _, count in years) / 2
    before = 0
    for (year, count), (following, _) in pairwise(years):
        before += count
        if before > half and following - year > MAX_GAP_YEARS:
            return following
    return None

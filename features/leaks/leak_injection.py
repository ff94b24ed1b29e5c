"""Leak injections: rows and facts that are unknown at a cutoff, as SQL over a history's own tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rapport.features.catalog.families.categories import TOUCH_COLUMNS
from rapport.history.contract import Column, Table, columns_of

MAX_ROWS = 5_000
"""The number of rows of each kind injected into each table: copies of the company's own rows."""

InjectedTimes = Callable[[Table, str, int], dict[str, str] | None]


@dataclass(frozen=True)
class Injection:
    """A kind of injection: copies of rows with other ``times``, or (without ``times``) facts put into the rows."""

    title: str
    times: InjectedTimes | None

    def apply(self, table: Table, body: str, cutoff: datetime, seed: int) -> tuple[str, str | None]:
        """Return SQL for the table with facts injected, and SQL for the rows to add (None if there are none)."""
        cutoff_sql = _timestamp_sql(cutoff)
        if self.times is None:
            return _with_facts_sql(table, body, cutoff_sql, seed), None
        times = self.times(table, cutoff_sql, seed)
        return body, None if times is None else _copies_sql(table, body, times, seed)


def _timestamp_sql(cutoff: datetime) -> str:
    return f"TIMESTAMP '{cutoff.isoformat()}'"


def _random_sql(seed: int, below: int) -> str:
    """Return SQL for a pseudo-random number of the row below ``below``, the same in every run."""
    return f"CAST(hash(injection_row, {seed}) % {below} AS INTEGER)"


def _later_sql(cutoff_sql: str, seed: int) -> str:
    """Return SQL for the cutoff itself or an instant in the two years after it."""
    seconds = _random_sql(seed, 20_000_000)
    return f"{cutoff_sql} + to_seconds(CASE WHEN {seconds} % 4 = 0 THEN 0 ELSE {seconds} * 3 END)"


def _future(table: Table, cutoff_sql: str, seed: int) -> dict[str, str]:
    return {table.time: f"{_later_sql(cutoff_sql, seed)} + INTERVAL 1 SECOND"}


def _at_the_cutoff(table: Table, cutoff_sql: str, seed: int) -> dict[str, str]:  # noqa: ARG001 - one signature
    return {table.time: cutoff_sql}


def _back_dated(table: Table, cutoff_sql: str, seed: int) -> dict[str, str] | None:
    if table.time == "recorded_at":
        return None
    return {
        table.time: f"{cutoff_sql} - to_seconds({_random_sql(seed + 100, 40_000_000)})",
        "recorded_at": _later_sql(cutoff_sql, seed),
    }


def _copies_sql(table: Table, body: str, times: dict[str, str], seed: int) -> str:
    """Return SQL for copies of some of the company's own rows, with other times, numbers and keys."""
    changed = {column.name: f"{column.name} * 3 + 1" for column in table.columns if column.kind == "number"}
    if table.name == "touches":
        changed |= {name: f"{name} || ' injected'" for name in TOUCH_COLUMNS}
    if table.key:
        # A repeated key would be rejected as a duplicate; a new key of a customer makes another customer.
        changed[table.key] = f"{table.key} || ' injected ' || injection_row || ' {seed}'"
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in (changed | times).items())
    sample = f"SELECT * FROM ({body}) ORDER BY hash(customer_id, {table.time}, {seed}) LIMIT {MAX_ROWS}"
    return (
        f"SELECT * EXCLUDE (injection_row) REPLACE ({replaced}) FROM "
        f"(SELECT *, row_number() OVER () AS injection_row FROM ({sample}))"
    )


def _facts(table: Table) -> list[Column]:
    return [column for column in table.columns if column.later == column.name]


def _open_sql(fact: Column, cutoff_sql: str) -> str:
    return f"{fact.name} IS NULL OR {fact.name} >= {cutoff_sql}"


def _other_value_sql(column: Column) -> str:
    if column.kind == "flag":
        return f"NOT COALESCE({column.name}, false)"
    return f"COALESCE({column.name}, 0) * 3 + 1"


def open_facts_sql(table: Table, body: str, cutoff: datetime) -> str | None:
    """Return SQL for the number of facts of a table that are unknown at the cutoff; None if it has no such facts."""
    parts = [f"count(*) FILTER ({_open_sql(fact, _timestamp_sql(cutoff))})" for fact in _facts(table)]
    return f"SELECT {' + '.join(parts)} FROM ({body})" if parts else None


def _with_facts_sql(table: Table, body: str, cutoff_sql: str, seed: int) -> str:
    """Return SQL for the table in which every fact unknown at the cutoff comes later, with other values."""
    changed = {}
    for fact in _facts(table):
        is_open = f"({_open_sql(fact, cutoff_sql)})"
        changed[fact.name] = f"CASE WHEN {is_open} THEN {_later_sql(cutoff_sql, seed)} ELSE {fact.name} END"
        for column in table.columns:
            if column.later == fact.name and column is not fact:
                other = _other_value_sql(column)
                changed[column.name] = f"CASE WHEN {is_open} THEN {other} ELSE {column.name} END"
    if not changed:
        return body
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in changed.items())
    numbered = f"SELECT *, hash({table.key or 'customer_id'}) AS injection_row FROM ({body})"
    return f"SELECT * EXCLUDE (injection_row) REPLACE ({replaced}) FROM ({numbered})"


def truncated_sql(table: Table, base_table: str, cutoff: datetime) -> str:
    """Return SQL for the table as it was at the cutoff: no later rows, and no later facts in earlier rows."""
    cutoff_sql = _timestamp_sql(cutoff)
    times = dict.fromkeys((table.time, *(column.name for column in columns_of(table) if column.name == "recorded_at")))
    past = " AND ".join(f"({time} IS NULL OR {time} < {cutoff_sql})" for time in times)
    hidden = {}
    for fact in _facts(table):
        for column in table.columns:
            if column.later == fact.name:
                hidden[column.name] = f"CASE WHEN {fact.name} < {cutoff_sql} THEN {column.name} END"
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in hidden.items())
    return f"SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM {base_table} WHERE {past}"


INJECTIONS = (
    Injection("rows that happen later", _future),
    Injection("rows at the very instant", _at_the_cutoff),
    Injection("back-dated rows recorded later", _back_dated),
    Injection("facts that come later", None),
)
"""Every kind, in the order of injection; facts last, so that injected rows get them too."""

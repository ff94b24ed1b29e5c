"""Kinds of things that nobody could know at a cutoff, as SQL over a history's own tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rapport.history.contract import Column, Table, columns_of

MOST = 5_000
"""Rows planted of each kind in each table: copies of the company's own."""

Placed = Callable[[Table, str, int], dict[str, str] | None]


@dataclass(frozen=True)
class Plant:
    """A kind of tampering: copies of rows put elsewhere in time, or (``place`` absent) facts put into the rows."""

    title: str
    place: Placed | None

    def into(self, table: Table, body: str, cutoff: datetime, seed: int) -> tuple[str, str | None]:
        """Return SQL for the table with facts planted, and SQL for the rows to add (None if there are none)."""
        moment = _instant(cutoff)
        if self.place is None:
            return _with_facts(table, body, moment, seed), None
        times = self.place(table, moment, seed)
        return body, None if times is None else _copies(table, body, times, seed)


def _instant(cutoff: datetime) -> str:
    return f"TIMESTAMP '{cutoff.isoformat()}'"


def _chance(seed: int, below: int) -> str:
    """Return SQL for a number of the row below ``below``, the same in every run."""
    return f"CAST(hash(planted_number, {seed}) % {below} AS INTEGER)"


def _later(moment: str, seed: int) -> str:
    """Return SQL for the cutoff itself or an instant in the two years after it."""
    chance = _chance(seed, 20_000_000)
    return f"{moment} + to_seconds(CASE WHEN {chance} % 4 = 0 THEN 0 ELSE {chance} * 3 END)"


def _future(table: Table, moment: str, seed: int) -> dict[str, str]:
    return {table.time: f"{_later(moment, seed)} + INTERVAL 1 SECOND"}


def _at_the_cutoff(table: Table, moment: str, seed: int) -> dict[str, str]:  # noqa: ARG001 - as the others
    return {table.time: moment}


def _back_dated(table: Table, moment: str, seed: int) -> dict[str, str] | None:
    if table.time == "recorded_at":
        return None
    return {
        table.time: f"{moment} - to_seconds({_chance(seed + 100, 40_000_000)})",
        "recorded_at": _later(moment, seed),
    }


def _copies(table: Table, body: str, times: dict[str, str], seed: int) -> str:
    """Return SQL for rows that copy some of the company's own, with other times, numbers and keys."""
    changed = {column.name: f"{column.name} * 3 + 1" for column in table.columns if column.kind == "number"}
    if table.key:
        # A customer's own key would make another customer; it cannot be given twice either.
        changed[table.key] = f"{table.key} || ' planted ' || planted_number || ' {seed}'"
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in (changed | times).items())
    picked = f"SELECT * FROM ({body}) ORDER BY hash(customer_id, {table.time}, {seed}) LIMIT {MOST}"
    return (
        f"SELECT * EXCLUDE (planted_number) REPLACE ({replaced}) FROM "
        f"(SELECT *, row_number() OVER () AS planted_number FROM ({picked}))"
    )


def _facts(table: Table) -> list[Column]:
    return [column for column in table.columns if column.later == column.name]


def _open(fact: Column, moment: str) -> str:
    return f"{fact.name} IS NULL OR {fact.name} >= {moment}"


def _other(column: Column) -> str:
    if column.kind == "flag":
        return f"NOT COALESCE({column.name}, false)"
    return f"COALESCE({column.name}, 0) * 3 + 1"


def open_facts(table: Table, body: str, cutoff: datetime) -> str | None:
    """Return SQL for the number of facts of a table that had not come by the cutoff; None if it has none to come."""
    parts = [f"count(*) FILTER ({_open(fact, _instant(cutoff))})" for fact in _facts(table)]
    return f"SELECT {' + '.join(parts)} FROM ({body})" if parts else None


def _with_facts(table: Table, body: str, moment: str, seed: int) -> str:
    """Return SQL for the table in which every fact that had not come by the cutoff comes later, with other values."""
    changed = {}
    for fact in _facts(table):
        open_still = f"({_open(fact, moment)})"
        changed[fact.name] = f"CASE WHEN {open_still} THEN {_later(moment, seed)} ELSE {fact.name} END"
        for column in table.columns:
            if column.later == fact.name and column is not fact:
                other = _other(column)
                changed[column.name] = f"CASE WHEN {open_still} THEN {other} ELSE {column.name} END"
    if not changed:
        return body
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in changed.items())
    numbered = f"SELECT *, hash({table.key or 'customer_id'}) AS planted_number FROM ({body})"
    return f"SELECT * EXCLUDE (planted_number) REPLACE ({replaced}) FROM ({numbered})"


def is_cut(table: Table, own: str, cutoff: datetime) -> str:
    """Return SQL for the table as it stood at the cutoff: no later rows, and no later facts in earlier ones."""
    moment = _instant(cutoff)
    times = dict.fromkeys((table.time, *(column.name for column in columns_of(table) if column.name == "recorded_at")))
    past = " AND ".join(f"({time} IS NULL OR {time} < {moment})" for time in times)
    hidden = {}
    for fact in _facts(table):
        for column in table.columns:
            if column.later == fact.name:
                hidden[column.name] = f"CASE WHEN {fact.name} < {moment} THEN {column.name} END"
    replaced = ", ".join(f"{sql} AS {name}" for name, sql in hidden.items())
    return f"SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM {own} WHERE {past}"


PLANTS = (
    Plant("rows that happen later", _future),
    Plant("rows at the very instant", _at_the_cutoff),
    Plant("back-dated rows recorded later", _back_dated),
    Plant("facts that come later", None),
)
"""Every kind, in the order in which they are planted; facts last, so that planted rows get them as well."""

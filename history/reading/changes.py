"""The table ``changes``: its values are read as those of the columns that changed, and become versions of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from rapport.history.contract import SQL_TYPES, Column, Table
from rapport.history.reading.casting import SourceColumn, cast_expression
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.rejection_rules import NOT_A_FLAG, NOT_A_NUMBER, NOT_A_TIME, RejectionRule
from rapport.history.reading.text_cleaning import is_missing
from rapport.history.reading.value_formats import Query, with_formats
from rapport.history.reading.versions import VERSIONED, show_versions, store_past, trackable
from rapport.history.settings import Settings
from rapport.history.sql import literal, quoted
from rapport.localized import LocalizedText

_VALUES = ("value", "former_value")
_UNREADABLE = {"number": NOT_A_NUMBER, "time": NOT_A_TIME, "flag": NOT_A_FLAG}


@dataclass(frozen=True)
class _TrackedColumn:
    """A column with a history: which rows of ``changes`` are its own, and the SQL of its values."""

    name: str
    kind: str
    rows: str
    value: str
    former: str


def unreadable_changes(staged: StagedTable, settings: Settings) -> list[RejectionRule]:
    """Return the rules that reject changes whose value is not one of the changed column."""
    present = {each.column.name for each in staged.columns}
    absent = "".join(f", CAST(NULL AS VARCHAR) AS {name}" for name in _VALUES if name not in present)
    relation, query = f"(SELECT *{absent} FROM {staged.view})", staged.query
    rules = []
    for table in VERSIONED:
        for each in _tracked(table, {column.name: column for column in trackable(table)}, relation, query, settings):
            if each.kind in _UNREADABLE and "value" in present:
                unreadable = f"({each.value}) IS NULL AND NOT ({is_missing('value')})"
                reason = f"value of {table.name}.{each.name} {_UNREADABLE[each.kind]}"
                rules.append(RejectionRule("value", reason, f"{each.rows} AND {unreadable}"))
    return rules


def track_changes(table: Table, connection: duckdb.DuckDBPyConnection, settings: Settings) -> frozenset[str]:
    """Create the versions of a table's rows from ``changes``; return the columns that have a history."""

    def query(sql: str) -> list[tuple[object, ...]]:
        return connection.execute(sql).fetchall()

    columns = {column.name: column for column in trackable(table)}
    if table.name == "customers":
        described = query("DESCRIBE customers")
        columns |= {
            str(name): _attribute(str(name), str(kind)) for name, kind, *_ in described if name not in table.names
        }
    columns.pop("recorded_at", None)
    tracked = _tracked(table, columns, "changes", query, settings)
    if tracked:
        names = [each.name for each in tracked]
        store_past(table, _edges(table, tracked), names, connection)
        show_versions(table, names, connection)
    return frozenset(each.name for each in tracked)


def _attribute(name: str, kind: str) -> Column:
    """Return an attribute of customers as a column, whose values are read as numbers or as text."""
    return Column(name, "number" if kind == "DOUBLE" else "text", LocalizedText.same(name))


def _tracked(
    table: Table, columns: Mapping[str, Column], relation: str, query: Query, settings: Settings
) -> list[_TrackedColumn]:
    of_table = f'lower("table") = {literal(table.name)}'
    named = {row[0] for row in query(f'SELECT DISTINCT lower("column") FROM {relation} WHERE {of_table}')}
    return [
        _tracked_column(column, f'{of_table} AND lower("column") = {literal(name.lower())}', relation, query, settings)
        for name, column in columns.items()
        if name.lower() in named
    ]


def _tracked_column(column: Column, rows: str, relation: str, query: Query, settings: Settings) -> _TrackedColumn:
    values = " UNION ALL ".join(f"SELECT {name} AS value FROM {relation} WHERE {rows}" for name in _VALUES)
    (known,) = with_formats([SourceColumn(column, "value", "VARCHAR")], values, query, settings)
    # Text that is tidy is read as it is, in whatever type it was stored.
    cast = (
        f"CAST({cast_expression(replace(known, sql=name), settings)} AS {SQL_TYPES[column.kind]})" for name in _VALUES
    )
    return _TrackedColumn(column.name, column.kind, rows, *cast)


def _edges(table: Table, tracked: Sequence[_TrackedColumn]) -> str:
    """Return the instants at which rows of the table changed, with the values before and after."""
    # Two changes of one column at one instant have no order: the larger value stands, in every run.
    cells = [f"max([{each.value}]) FILTER ({each.rows}) AS {quoted(f'new {each.name}')}" for each in tracked]
    cells += [f"max([{each.former}]) FILTER ({each.rows}) AS {quoted(f'old {each.name}')}" for each in tracked]
    changed = (
        f"SELECT record_id, greatest(changed_at, coalesce(recorded_at, changed_at)) AS known_from, {', '.join(cells)} "
        f"FROM changes WHERE {' OR '.join(f'({each.rows})' for each in tracked)} GROUP BY ALL"
    )
    # A row that was recorded before its first change was there from then on, else from its own time on.
    firsts = f"(SELECT record_id, min(known_from) AS first FROM ({changed}) GROUP BY record_id)"
    rows = f"FROM {table.name} AS own JOIN {firsts} ON record_id = own.{table.key}"
    start = f"CASE WHEN own.recorded_at <= first THEN own.recorded_at ELSE own.{table.time} END"
    joint = ", ".join(
        f"any_value({quoted(f'{age} {each.name}')}) AS {quoted(f'{age} {each.name}')}"
        for each in tracked
        for age in ("new", "old")
    )
    return (
        f"SELECT record_id, known_from, {joint} FROM (({changed}) UNION ALL BY NAME (SELECT record_id, {start} AS "
        f"known_from {rows}) UNION ALL BY NAME (SELECT record_id, own.recorded_at AS known_from {rows} "
        f"WHERE own.recorded_at IS NOT NULL)) GROUP BY ALL"
    )

"""Histories of change as systems keep them: a row a change, or a row a change with all values then, as one source.

``changes = "OpportunityFieldHistory(OpportunityId, CreatedDate, Field, NewValue, OldValue)"`` of a table names the
columns with the record, the time, the column, its value from then on and its value until then (which may be absent);
``"OpportunityHistory(OpportunityId, CreatedDate)"`` has the columns of the table itself, as they were from then on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from rapport.errors import TableError
from rapport.history.contract import by_name as table_named
from rapport.history.rejected_rows import FILE, LINE, RejectedRow
from rapport.history.sources.memory import unload
from rapport.history.sources.source import Source
from rapport.history.sql import literal, quoted

COLUMNS = ("table", "record_id", "changed_at", "column", "value", "former_value")
_WRITTEN = re.compile(r'\s*"?(?P<table>[^"(]+?)"?\s*\((?P<columns>[^()]+)\)\s*')
_WIDE, _WITHOUT_FORMER, _WITH_FORMER = 2, 4, 5


@dataclass(frozen=True)
class ChangeHistory:
    """A source with the changes of a contract table; ``names`` are its contract columns by their name in the system."""

    table: str
    source: Source
    columns: tuple[str, ...]
    names: Mapping[str, str]

    def load(self, timezone: str) -> tuple[str, list[RejectedRow]]:
        """Load the source; return the SQL of its changes, and the rows that could not be read."""
        shared = {} if len(self.columns) > _WIDE else self.shared
        rejects = self.source.load([*self.columns, *shared]) if self.source.load else []
        if not shared:
            return self._long(timezone), rejects
        parts = [self._cells(literal(name), own, timezone) for own, name in shared.items()]
        return " UNION ALL ".join(parts), rejects

    @property
    def shared(self) -> dict[str, str]:
        """Return the columns that the history and the table both have, with their contract names."""
        # What numbers and dates the rows of the history itself is no past value of the table.
        table = table_named(self.table)
        without = {table.key, table.time, "customer_id"}
        by_name = {_bare(own): name for own, name in self.names.items() if name not in without}
        mine = (own for own in self.source.types if own not in self.columns)
        return {own: by_name[_bare(own)] for own in mine if _bare(own) in by_name}

    def _long(self, timezone: str) -> str:
        named = " ".join(f"WHEN {literal(_bare(own))} THEN {literal(name)}" for own, name in self.names.items())
        field = f"lower(regexp_replace({quoted(self.columns[2])}, '^property_|[^A-Za-z0-9一-鿿]', '', 'g'))"
        column = f"CASE {field} {named} END"
        former = self.columns[4] if len(self.columns) == _WITH_FORMER else None
        cells = self._cells(column, self.columns[3], timezone, former)
        return f'SELECT * FROM ({cells}) WHERE "column" IS NOT NULL'

    def _cells(self, column: str, value: str, timezone: str, former: str | None = None) -> str:
        record, at = self.columns[:2]
        time = quoted(at)
        if self.source.types[at] == "TIMESTAMP WITH TIME ZONE":
            time = f"timezone({literal(timezone)}, {time})"
        return (
            f'SELECT {literal(self.table)} AS "table", CAST({quoted(record)} AS VARCHAR) AS record_id, '
            f'CAST({time} AS VARCHAR) AS changed_at, {column} AS "column", CAST({quoted(value)} AS VARCHAR) AS value, '
            f"{f'CAST({quoted(former)} AS VARCHAR)' if former else 'CAST(NULL AS VARCHAR)'} AS former_value, "
            f"{quoted(FILE)}, {quoted(LINE)} FROM ({self.source.sql})"
        )


def find_histories(
    table: str, written: str, names: Mapping[str, str], sources: Mapping[str, Source], where: str
) -> list[ChangeHistory]:
    """Return the histories that a mapping names; ``names`` are the contract columns of the table by their own name."""
    found = []
    for part in (each for each in written.split(";") if each.strip()):
        match = _WRITTEN.fullmatch(part)
        source = sources.get(match["table"].lower()) or sources.get(match["table"]) if match else None
        columns = tuple(each.strip().strip('"') for each in match["columns"].split(",")) if match else ()
        if source is None or len(columns) not in (_WIDE, _WITHOUT_FORMER, _WITH_FORMER):
            raise TableError(
                f'{where} changes = "{part.strip()}": write "other_table(record, time, column, value, former value)", '
                f'or "other_table(record, time)" if it has the columns of {table}; the tables are: '
                f"{', '.join(sorted(sources))}."
            )
        own = {_bare(name): name for name in source.types}
        missing = next((name for name in columns if _bare(name) not in own), None)
        if missing is not None:
            listed = ", ".join(source.types)
            raise TableError(f"{where} changes: {source.origin} has no column {missing}. It has: {listed}.")
        history = ChangeHistory(table, source, tuple(own[_bare(name)] for name in columns), names)
        if len(columns) == _WIDE and not history.shared:
            raise TableError(f"{where} changes: {source.origin} has none of the columns of {table}.")
        found.append(history)
    return found


def with_histories(
    own: Source | None, histories: Sequence[ChangeHistory], connection: duckdb.DuckDBPyConnection, timezone: str
) -> Source:
    """Return the histories as one source with the columns of ``changes``, after those of a table ``changes``."""
    name = "histories of change"

    def load(_: Sequence[str]) -> list[RejectedRow]:
        parts, rejects = [], []
        for number, history in enumerate(histories):
            sql, found = history.load(timezone)
            part = quoted(f"history of change {number}")
            connection.execute(f"CREATE TEMP TABLE {part} AS {sql}")
            unload(history.source, connection)
            parts.append(part)
            rejects += found
        union = " UNION ALL BY NAME ".join(f"FROM {part}" for part in parts)
        connection.execute(f"CREATE TEMP TABLE {quoted(f'loaded {name}')} AS {union}")
        for part in parts:
            connection.execute(f"DROP TABLE {part}")
        return rejects

    if own is not None:
        raise TableError(
            f"{own.origin}: there is a table changes beside the histories that [mapping] names with changes = …. "
            "Keep one of them."
        )
    origin = ", ".join(dict.fromkeys(history.source.origin for history in histories))
    types = dict.fromkeys(COLUMNS, "VARCHAR")
    return Source(name, origin, f"SELECT * FROM {quoted(f'loaded {name}')}", types, load=load)


def _bare(name: str) -> str:
    """Return a column's name as systems compare it: HubSpot's history has no ``property_`` before it."""
    return re.sub(r"[^0-9a-z一-鿿]", "", re.sub("^property_", "", name.lower()))

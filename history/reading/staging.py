"""Staging of one table: its columns are loaded, their formats detected, and a view has them raw and cast."""

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.contract import Table, columns_of
from rapport.history.reading.casting import SourceColumn, cast_expression
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.rejection_rules import raw_name
from rapport.history.reading.table_names import normalized_name
from rapport.history.reading.value_formats import with_formats
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.settings import Settings
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

CURRENCY_COLUMNS = ("currency", "currency_code", "币种", "货币")
ATTRIBUTE = "attribute "
_NUMBERS = {
    "DOUBLE",
    "FLOAT",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}


def load_source(source: Source, wanted: list[str]) -> Source:
    """Load the wanted columns, and those that name the currency, if the source has to be loaded."""
    if source.load is None:
        return source
    money = [own for own in source.types if normalized_name(own) in CURRENCY_COLUMNS]
    return replace(source, rejects=tuple(source.load(list(dict.fromkeys([*wanted, *money])))))


def stage(
    table: Table,
    source: Source,
    names: Mapping[str, str],
    attributes: Mapping[str, str],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> StagedTable:
    """Create the view, or a table where casting again would be slow, of raw and cast columns."""
    by_name = {column.name: column for column in columns_of(table)}
    columns = [SourceColumn(by_name[name], quoted(own), source.types[own]) for name, own in names.items()]
    staged = StagedTable(table, source, tuple(columns), f"({source.sql})", connection)
    columns = with_formats(columns, source.sql, staged.query, settings, source.separator)
    parts = [f"{each.sql} AS {quoted(raw_name(each.column.name))}" for each in columns]
    parts += [f"{cast_expression(each, settings)} AS {quoted(each.column.name)}" for each in columns]
    parts += [f"{_attribute(own, source)} AS {quoted(ATTRIBUTE + name)}" for name, own in attributes.items()]
    parts += [quoted(FILE), quoted(LINE)]
    view = f"reading.{quoted(table.name)}"
    kind = "VIEW" if is_cheap_to_read(staged) else "TABLE"
    staged.query(f"CREATE {kind} {view} AS SELECT {', '.join(parts)} FROM ({source.sql})")
    return replace(staged, columns=tuple(columns), view=view)


def is_cheap_to_read(staged: StagedTable) -> bool:
    """Return whether the source can be read repeatedly: persistent files, with nothing to parse."""
    parsed = any(each.is_text and each.column.kind in ("time", "number") for each in staged.columns)
    return staged.source.persistent and not parsed


def _attribute(own: str, source: Source) -> str:
    kind = source.types[own]
    number = kind in _NUMBERS or kind.startswith("DECIMAL")
    return f"CAST({quoted(own)} AS {'DOUBLE' if number else 'VARCHAR'})"

"""Staging of one table: its columns are loaded, their formats detected, and a view has them raw and cast."""

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.contract import RECORDED_AT, Column, Table, columns_of
from rapport.history.reading.casting import SourceColumn, cast_expression
from rapport.history.reading.currencies import CURRENCY_COLUMNS, currency_part
from rapport.history.reading.expressions import Expression, parse_expression, text_of
from rapport.history.reading.grouped_rows import fill_down_columns, with_filled_heads
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.rejection_rules import raw_name
from rapport.history.reading.table_names import normalized_name
from rapport.history.reading.value_formats import with_formats
from rapport.history.reading.versions import VERSION_COLUMNS
from rapport.history.rejected_rows import FILE, LINE
from rapport.history.settings import Settings
from rapport.history.sources.row_copies import RowCopy, copy_path
from rapport.history.sources.source import Source
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

ATTRIBUTE = "attribute "
DELETION_COLUMNS = ("_fivetran_deleted", "_ab_cdc_deleted_at", "dbt_is_deleted")
"""Where connectors and dbt mark rows that are gone from the system."""
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


def used_columns(source: Source, names: Mapping[str, str], where: Expression | None) -> list[str]:
    """Return the source columns that the contract's columns and the condition on the rows are made of."""
    used = [own for own in names.values() if own in source.types]
    made = [_expression(own, source, name) for name, own in names.items() if own not in source.types]
    return list(dict.fromkeys([*used, *(own for each in (*made, where) if each is not None for own in each.columns)]))


def _expression(own: str, source: Source, name: str, *, number: bool = True) -> Expression:
    return parse_expression(own, source.types, f"{source.origin}: {name}", number=number)


def load_source(
    source: Source, wanted: list[str], names: Mapping[str, str], whole: StagedTable, settings: Settings
) -> Source:
    """Load the wanted columns, and those that name the currency or mark deleted rows, and fill down heads of groups."""
    heads = settings.mapping.get(whole.table.name, {}).get("fill_down", "")
    if source.load is None:
        return with_filled_heads(source, heads, source.types)
    more = [own for own in source.types if normalized_name(own) in CURRENCY_COLUMNS or own in DELETION_COLUMNS]
    more += [own for own in fill_down_columns(heads) if own in source.types]
    columns = tuple(dict.fromkeys([*wanted, *more]))
    recorded = names.get(RECORDED_AT.name)
    if settings.incremental and source.changes is not None and recorded in columns:
        key = names.get(whole.table.key or "")
        path = copy_path(settings.data_dir, source.changes.address, source.name)
        copy = RowCopy(path, columns, recorded, key if key in columns else None)
        return replace(source, rejects=tuple(copy.load(source, whole.connection)))
    return with_filled_heads(replace(source, rejects=tuple(source.load(columns))), heads, columns)


def stage(
    table: Table,
    source: Source,
    names: Mapping[str, str],
    attributes: Mapping[str, str],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> StagedTable:
    """Create the view, or a table where casting again would be slow, of raw and cast columns."""
    staged = StagedTable(table, source, (), f"({source.sql})", connection)
    by_name = {**{column.name: column for column in columns_of(table)}, **VERSION_COLUMNS}
    columns = [_source_column(by_name[name], own, staged, settings) for name, own in names.items()]
    columns = with_formats(columns, source.sql, staged.query, settings, source.separator)
    parts = [f"{each.sql} AS {quoted(raw_name(each.column.name))}" for each in columns]
    parts += [f"{cast_expression(each, settings)} AS {quoted(each.column.name)}" for each in columns]
    parts += [f"{_attribute(own, source)} AS {quoted(ATTRIBUTE + name)}" for name, own in attributes.items()]
    currency = currency_part(table, source)
    parts += [*([currency] if currency else []), quoted(FILE), quoted(LINE)]
    view = f"reading.{quoted(table.name)}"
    staged = replace(staged, columns=tuple(columns), view=view)
    kind = "VIEW" if is_cheap_to_read(staged) else "TABLE"
    staged.query(f"CREATE {kind} {view} AS SELECT {', '.join(parts)} FROM ({source.sql})")
    return staged


def _source_column(column: Column, own: str, staged: StagedTable, settings: Settings) -> SourceColumn:
    """Return the column of the source, or the expression over its columns."""
    source = staged.source
    if own in source.types:
        return SourceColumn(column, quoted(own), source.types[own])
    number = column.kind == "number"
    sql = expression_sql(_expression(own, source, column.name, number=number), staged, settings)
    return SourceColumn(column, sql, "DOUBLE" if number else "VARCHAR" if column.kind != "flag" else "BOOLEAN")


def expression_sql(expression: Expression, staged: StagedTable, settings: Settings) -> str:
    """Return the SQL of an expression; its numbers are read as the numbers of the contract are."""
    source = staged.source
    kinds = {own: Column(own, "number", LocalizedText("", "")) for own in expression.amounts}
    columns = [SourceColumn(kind, quoted(own), source.types[own]) for own, kind in kinds.items()]
    known = with_formats(columns, source.sql, staged.query, settings, source.separator)
    numbers = {each.column.name: cast_expression(each, settings) for each in known}
    return expression.sql(lambda own: text_of(own, source.types[own]), numbers.__getitem__)


def with_rows(staged: StagedTable, key: str | None, where: Expression | None, settings: Settings) -> tuple[Source, int]:
    """Return the source with the rows that count, and how many it leaves out.

    They are those of the condition that a connector has not marked as deleted, and one a ``key`` if it has several.
    """
    source = staged.source
    conditions = [expression_sql(where, staged, settings)] if where is not None else []
    # A customer that was merged into another is deleted by that.
    marks = DELETION_COLUMNS if staged.table.name != "merges" else ()
    conditions += [_not_deleted(own, source) for own in source.types if own in marks]
    counting, left_out = " AND ".join(conditions), 0
    if conditions:
        left_out = int(staged.query(f"SELECT count(*) FROM ({source.sql}) WHERE NOT coalesce({counting}, false)")[0][0])
    if key is not None:
        conditions.append(f"nullif({text_of(key, source.types[key])}, '') IS NOT NULL")
    if not conditions:
        return source, 0
    order = f"PARTITION BY {quoted(key or '')} ORDER BY {quoted(FILE)}, {quoted(LINE)}"
    first = f" QUALIFY row_number() OVER ({order}) = 1" if key is not None else ""
    sql = f"SELECT * FROM ({source.sql}) WHERE {' AND '.join(conditions)}{first}"
    return replace(source, sql=sql, files=()), left_out


def _not_deleted(own: str, source: Source) -> str:
    """Return the SQL that tests that a connector has not marked a row as deleted: a flag, or the time of deletion."""
    text = text_of(own, source.types[own])
    return f"{text} = ''" if own.endswith("_at") else f"lower({text}) NOT IN ('true', 't', '1', 'yes')"


def is_cheap_to_read(staged: StagedTable) -> bool:
    """Return whether the source can be read repeatedly: persistent files, with nothing to parse."""
    parsed = any(each.is_text and each.column.kind in ("time", "number") for each in staged.columns)
    return staged.source.persistent and not parsed


def _attribute(own: str, source: Source) -> str:
    kind = source.types[own]
    number = kind in _NUMBERS or kind.startswith("DECIMAL")
    return f"CAST({quoted(own)} AS {'DOUBLE' if number else 'VARCHAR'})"

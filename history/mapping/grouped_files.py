"""Files in groups, where only the first line of an order names number, customer and day: ``fill_down`` is proposed."""

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.contract import by_name
from rapport.history.mapping.name_matching import CONTAINED, ColumnFormats, column_similarity, loaded_rows
from rapport.history.mapping.table_proposal import TableProposal, role_columns
from rapport.history.reading.grouped_rows import head_columns
from rapport.history.sources.source import Source


def heads_of(
    sources: Mapping[str, Source], formats: dict[str, ColumnFormats], connection: duckdb.DuckDBPyConnection
) -> dict[str, list[str]]:
    """Return for each grouped file the columns of the head, and count them in ``formats`` as filled."""
    found = {}
    for name, source in sources.items():
        number, times = _named("order_id", source), _named("ordered_at", source)
        customers = [*_named("customer_id", source), *role_columns("customer_name", source)]
        filled = formats[name].filled
        partly = [own for own in number if 0 < filled[own] < 1]
        if source.peek is not None or not (partly and times and customers):
            continue
        with loaded_rows(source, connection, list(source.types)) as rows:
            heads = head_columns(
                source, partly[0], [times, customers], rows, lambda sql: connection.execute(sql).fetchall()
            )
        if heads:
            found[name] = heads
            formats[name] = replace(formats[name], filled={**filled, **dict.fromkeys(heads, 1.0)})
    return found


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


def filled_down(tables: tuple[TableProposal, ...], heads: Mapping[str, list[str]]) -> tuple[TableProposal, ...]:
    """Return the proposals; those of grouped files with the columns to fill."""
    return tuple(
        each.with_columns({"fill_down": ", ".join(heads[each.source])}) if each.source in heads else each
        for each in tables
    )


def _named(column: str, source: Source) -> list[str]:
    orders = by_name("orders")
    ranked = [(column_similarity(orders, orders.column(column), own), own) for own in source.types]
    return [own for similarity, own in sorted(ranked, key=lambda each: -each[0]) if similarity >= CONTAINED]

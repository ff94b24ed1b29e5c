"""Orders in two tables: the order with customer and day in one, its lines with amounts in the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from rapport.history.contract import by_name
from rapport.history.mapping.column_values import share_known
from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import CONTAINED, SYNONYM, ColumnFormats, column_similarity
from rapport.history.mapping.table_matching import match
from rapport.history.mapping.table_proposal import TableProposal, role_columns
from rapport.history.sources.joined import with_joins
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# So many order numbers of the lines are those of orders; so many orders have a number of their own.
_MEETING, _UNIQUE = 0.8, 0.99
_LINES = ("line", "item", "detail", "position", "product", "明细", "商品", "明細")
_FEWEST_ORDERS = 20
_ORDERS = by_name("orders")


@dataclass(frozen=True)
class MatchedSources:
    """The proposals with the sources and formats that they refer to; a join adds columns to a source."""

    tables: tuple[TableProposal, ...]
    sources: Mapping[str, Source]
    formats: Mapping[str, ColumnFormats]
    doubts: tuple[LocalizedText, ...] = ()


@dataclass(frozen=True)
class _Lines:
    """The lines of the orders: the column with the order's number, and the join to the prices of products, if any."""

    table: TableProposal
    key: str
    prices: str = ""


def with_order_lines(found: MatchedSources, connection: duckdb.DuckDBPyConnection) -> MatchedSources:
    """Join the table of orders to that of its lines, where neither alone has customer, day and amount."""
    orders = next((each for each in found.tables if each.table is _ORDERS), None)
    if orders is not None and not orders.missing and not orders.by_values:
        return found
    heads = [each for each in _matches(found) if {"customer_id", "order_id", "ordered_at"} <= each.columns.keys()]
    for head in heads:
        lines = _lines_of(head, found, connection)
        if lines is not None:
            return _joined(found, head, lines, connection)
    return replace(found, doubts=(*found.doubts, *_apart(heads, found)))


def _apart(heads: list[TableProposal], found: MatchedSources) -> list[LocalizedText]:
    """Return a question where a table is named like the lines of the orders, but has the numbers of other orders."""
    for head in heads:
        for each in _matches(found):
            is_named = any(word in each.source.lower() for word in _LINES) and "customer_id" not in each.columns
            if each.source != head.source and is_named and each.confidence.get("amount", 0.0) >= CONTAINED:
                return [message("doubt.lines_apart", lines=each.source, head=head.source)]
    return []


def _matches(found: MatchedSources) -> list[TableProposal]:
    """Return how each source of files fits as orders, those with an order number, whatever they lack."""
    matched = [match(_ORDERS, source, found.formats[name]) for name, source in found.sources.items() if not source.peek]
    ranked = sorted(matched, key=lambda each: -each[1])
    return [each for each, _ in ranked if each.confidence.get("order_id", 0.0) >= CONTAINED]


def _lines_of(head: TableProposal, found: MatchedSources, connection: duckdb.DuckDBPyConnection) -> _Lines | None:
    """Return the lines of the orders: of several tables the one that is named so, or that tells products."""
    source = found.sources[head.source]
    if found.formats[head.source].distinct[head.columns["order_id"]] < _UNIQUE:
        return None
    fitting = []
    for each in _matches(found):
        lines = found.sources[each.source]
        has_amount = each.confidence.get("amount", 0.0) >= CONTAINED or role_columns("unit_price", lines)
        key, prices = _order_key(lines), "" if has_amount else _prices_of(each, found, connection)
        if each.source == head.source or not (has_amount or prices) or key is None or "customer_id" in each.columns:
            continue
        if share_known(lines, source, (key, head.columns["order_id"]), connection) >= _MEETING:
            named = any(word in each.source.lower() for word in _LINES)
            fitting.append((not named, "product" not in each.columns, _Lines(each, key, prices)))
    return min(fitting, key=lambda each: each[:2])[2] if fitting else None


def _prices_of(lines: TableProposal, found: MatchedSources, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the join to a table of products with a price of each, where the lines have quantities alone."""
    product = lines.columns.get("product")
    if product is None or "quantity" not in lines.columns:
        return ""
    for name, products in found.sources.items():
        if name == lines.source or products.peek is not None or not role_columns("unit_price", products):
            continue
        keys = [own for own in products.types if found.formats[name].distinct[own] >= _UNIQUE]
        same = next((own for own in keys if own.lower() == product.lower()), None)
        pair = (product, same or "")
        if same and share_known(found.sources[lines.source], products, pair, connection) >= _MEETING:
            return f"{name} on {same} = {product}"
    return ""


def _order_key(lines: Source) -> str | None:
    """Return the column of a table of lines that names the order rather than the line."""
    ranked = [(column_similarity(_ORDERS, _ORDERS.column("order_id"), own), own) for own in lines.types]
    named = [(similarity, own) for similarity, own in ranked if similarity >= CONTAINED and own.lower() != "id"]
    return max(named, key=lambda each: each[0])[1] if named else None


def _joined(
    found: MatchedSources, head: TableProposal, lines: _Lines, connection: duckdb.DuckDBPyConnection
) -> MatchedSources:
    rows, key = lines.table, lines.key
    joins = [f"{head.source} on {head.columns['order_id']} = {key}", *([lines.prices] if lines.prices else [])]
    customer, doubts = head.columns["customer_id"], []
    person = _person_behind(head, found, connection)
    if person is not None:
        customers, theirs, own = person
        joins.append(f"{customers} on {theirs} = {customer}")
        doubts.append(message("doubt.one_order_each", customer=customer, source=head.source, own=own, table=customers))
        customer = own
    sure: dict[str, str] = {name: own for name, own in rows.columns.items() if rows.confidence[name] >= CONTAINED}
    kept = {name: sure[name] for name in ("amount", "product", "quantity") if name in sure}
    columns: dict[str, str] = {
        "join": "; ".join(joins), "customer_id": customer, "order_id": key, "ordered_at": head.columns["ordered_at"],
    }  # fmt: skip
    source = with_joins(found.sources[rows.source], columns["join"], found.sources, connection, "[mapping.orders]")
    parts = [rows.source, *(each.partition(" on ")[0] for each in joins)]
    formats = _together([found.formats[name] for name in parts], source)
    certain = dict(head.confidence) | {name: rows.confidence[name] for name in kept} | {"order_id": SYNONYM}
    used = {*columns.values(), *kept.values()}
    unused = tuple(own for own in found.sources[rows.source].types if own not in used)
    orders = TableProposal(_ORDERS, rows.source, columns | kept, frozenset(), unused, certain)
    # Of customers with a row for each order, what the orders say is taken.
    taken = {rows.source, head.source, *([person[0]] if person else [])}
    others = [each for each in found.tables if each.table is not _ORDERS and each.source not in taken]
    doubts.append(message("doubt.lines", lines=rows.source, head=head.source, key=key))
    if lines.prices:
        doubts.append(message("doubt.prices", products=parts[2]))
    return MatchedSources(
        (*others, orders),
        {**found.sources, rows.source: source},
        {**found.formats, rows.source: formats, source.name: formats},
        (*found.doubts, *doubts),
    )


def _person_behind(
    head: TableProposal, found: MatchedSources, connection: duckdb.DuckDBPyConnection
) -> tuple[str, str, str] | None:
    """Return where the customer is, if every order has a customer number of its own: table, its key, and that column.

    Some shops give each order a new number of its customer, and keep the one that stays in the table of customers.
    """
    customer, formats = head.columns["customer_id"], found.formats
    customers = next((each for each in found.tables if each.table.name == "customers"), None)
    if formats[head.source].distinct[customer] < _UNIQUE or customers is None or customers.source == head.source:
        return None
    source, key = found.sources[customers.source], customers.columns.get("customer_id")
    if source.peek is not None or key is None:
        return None
    theirs = formats[customers.source]
    table = customers.table
    staying = [
        own
        for own in source.types
        if own != key
        and column_similarity(table, table.column("customer_id"), own) >= CONTAINED
        and theirs.filled[own] == 1
        and 1 / _FEWEST_ORDERS < theirs.distinct[own] < _UNIQUE
    ]
    if not staying or share_known(found.sources[head.source], source, (customer, key), connection) < _MEETING:
        return None
    return customers.source, key, staying[0]


def _together(parts: list[ColumnFormats], source: Source) -> ColumnFormats:
    """Return the formats of a joined source; a column of the source itself comes before another's of that name."""
    readable: dict[tuple[str, str], float] = {}
    filled: dict[str, float] = {}
    distinct: dict[str, float] = {}
    for part in reversed(parts):
        readable |= part.readable
        filled |= part.filled
        distinct |= part.distinct
    kept = {name: value for name, value in filled.items() if name in source.types}
    return replace(parts[0], readable=readable, filled=kept, distinct=distinct)

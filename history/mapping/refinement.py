"""What the values add to a mapping that names proposed: states that do not count, amounts, split files, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.contract import TABLES, by_name
from rapport.history.mapping.column_values import column_values
from rapport.history.mapping.customer_keys import joined_keys
from rapport.history.mapping.name_matching import CONTAINED, SYNONYM, ColumnFormats, accepts, column_similarity
from rapport.history.mapping.order_states import with_states
from rapport.history.mapping.table_proposal import TableProposal, expression_name, role_columns
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# Columns of an order file that say something of the customer, if the name of the column says so.
_OF_CUSTOMERS = ("name", "region", "industry", "source", "owner", "employees", "parent_id")
Proposals = tuple[TableProposal, ...]


def refined(
    tables: Proposals,
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Proposals, tuple[LocalizedText, ...]]:
    """Return the proposals with what their values say, and the doubts that are left."""
    found = {each.table.name: each for each in tables}
    doubts = _multiplied_amount(found, sources, formats)
    doubts += with_states(found, sources, formats, connection)
    _split_customers(found, sources, formats)
    doubts += joined_keys(found, sources, formats, connection)
    doubts += [_by_values_doubt(each, name) for each in found.values() for name in sorted(each.by_values)]
    doubts += [
        _twice_doubt(proposal, name, own)
        for proposal in found.values()
        for name, own in proposal.columns.items()
        if name in proposal.table.required and f"{own} 2" in sources[proposal.source].types
    ]
    used = {each.source: each for each in found.values()}
    doubts += [
        _alike_doubt(proposal, name)
        for name, source in sources.items()
        for proposal in used.values()
        if name not in used and {*source.types} == {*sources[proposal.source].types}
    ]
    ordered = tuple(found[name] for name in (table.name for table in TABLES if table.name in found))
    return with_samples(ordered, sources, connection), tuple(doubts)


def with_samples(tables: Proposals, sources: Mapping[str, Source], connection: duckdb.DuckDBPyConnection) -> Proposals:
    """Return the proposals with sample values of their columns."""
    shown = []
    for each in tables:
        source = sources[each.source]
        names = [own for own in dict.fromkeys(each.columns.values()) if own in source.types]
        values = column_values(source, connection, names)
        samples = {name: values[own].samples for name, own in each.columns.items() if own in values}
        shown.append(replace(each, samples=samples))
    return tuple(shown)


def _multiplied_amount(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> list[LocalizedText]:
    """Multiply the price of one piece with the quantity, where no column has the amount of the line."""
    orders = found.get("orders")
    if orders is None or "quantity" not in orders.columns:
        return []
    quantity, own = orders.columns["quantity"], orders.columns.get("amount")
    prices = role_columns("unit_price", sources[orders.source])
    if own is not None and own not in prices:
        return []
    amount = by_name("orders").column("amount")
    price = next((each for each in prices if accepts(amount, each, formats[orders.source])), None)
    if price is None:
        return []
    written = f"{expression_name(quantity)} * {expression_name(price)}"
    found["orders"] = orders.with_columns({"amount": written}, SYNONYM)
    return [
        LocalizedText(
            f"orders: amount = {written}, because {price} looks like the price of one piece. Is it? If it is that of "
            f'the whole line, write amount = "{price}".',
            f"orders：金额取 {written}，因为 {price} 看起来是单价。是否如此？若它已是整行金额，请改为 {price}。",
        )
    ]


def _split_customers(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> None:
    """Take the customers out of the order file, where it says more of them than their number."""
    orders = found.get("orders")
    if orders is None or "customers" in found or "customer_id" not in orders.columns:
        return
    source, table = sources[orders.source], by_name("customers")
    columns, confidence = {"customer_id": orders.columns["customer_id"]}, {"customer_id": SYNONYM}
    free = [own for own in source.types if own not in orders.columns.values()]
    for name in _OF_CUSTOMERS:
        column = table.column(name)
        ranked = [(column_similarity(table, column, own), own) for own in free if own not in columns.values()]
        fitting = [each for each in ranked if each[0] >= CONTAINED and accepts(column, each[1], formats[source.name])]
        if name == "name":
            # An order file has names of products and files too.
            fitting = [each for each in fitting if each[0] >= SYNONYM and each[1].lower() not in ("name", "title")]
        if fitting:
            confidence[name], columns[name] = max(fitting)
    if len(columns) > 1:
        unused = tuple(own for own in source.types if own not in columns.values())
        found["customers"] = TableProposal(table, source.name, columns, frozenset(), unused, confidence)


def _twice_doubt(proposal: TableProposal, name: str, own: str) -> LocalizedText:
    table, source = proposal.table.name, proposal.source
    return LocalizedText(
        f"{table}: {source} has {own} and {own} 2, or two columns {own}. Which is {name}? The first is taken.",
        f"{table}：{source} 中有 {own} 与 {own} 2，或有两列 {own}。哪一列是 {name}？现取第一列。",
    )


def _alike_doubt(proposal: TableProposal, name: str) -> LocalizedText:
    table, own = proposal.table.name, proposal.source
    return LocalizedText(
        f"{table}: {name} has the same columns as {own} and is not used. If both are {table}, put their files into a "
        f"folder {table}/.",
        f"{table}：{name} 与 {own} 的列相同，但未使用。若两者都是 {table}，请把文件放入 {table}/ 文件夹。",
    )


def _by_values_doubt(proposal: TableProposal, name: str) -> LocalizedText:
    own, table = proposal.columns[name], proposal.table.name
    return LocalizedText(
        f"{table}: is {own} really {name}? Only its values suggest it.",
        f"{table}：{own} 是否就是 {name}？仅根据其取值推测。",
    )

"""What the values add to a mapping that names proposed: states that do not count, amounts, split files, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from rapport.history.contract import TABLES, by_name
from rapport.history.mapping.amount_forms import in_whole_units, multiplied_amount, with_amount_period
from rapport.history.mapping.clock_columns import with_clocks
from rapport.history.mapping.column_values import column_values
from rapport.history.mapping.customer_keys import check_parents, joined_keys
from rapport.history.mapping.deleted_rows import without_deleted
from rapport.history.mapping.messages import message
from rapport.history.mapping.missing_columns import fill_missing
from rapport.history.mapping.name_matching import (
    CONTAINED,
    SYNONYM,
    ColumnFormats,
    accepts,
    column_similarity,
    synonyms,
)
from rapport.history.mapping.order_states import orders_from, with_states
from rapport.history.mapping.table_matching import match
from rapport.history.mapping.table_proposal import TableProposal, expression_name
from rapport.history.reading.row_states import state_columns
from rapport.history.reading.table_names import names_of
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# Columns of an order file that say something of the customer, if the name of the column says so.
_OF_CUSTOMERS = ("name", "region", "industry", "source", "owner", "employees", "parent_id")
# A column with more distinct values than this names its rows.
_UNIQUE = 0.99
_NEEDED = ("customers", "orders")
Proposals = tuple[TableProposal, ...]


def refined(
    tables: Proposals,
    sources: Mapping[str, Source],
    formats: Mapping[str, ColumnFormats],
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Proposals, tuple[LocalizedText, ...]]:
    """Return the proposals with what their values say, and the doubts that are left."""
    found = {each.table.name: each for each in tables}
    doubts = multiplied_amount(found, sources, formats)
    doubts += _named_keys(found, sources, formats)
    doubts += fill_missing(found, sources, formats)
    doubts += _contracts_of_members(found, sources, formats)
    doubts += with_amount_period(found)
    doubts += in_whole_units(found, sources)
    doubts += with_states(found, sources, formats, connection)
    with_clocks(found, sources, connection)
    _split_customers(found, sources, formats)
    doubts += joined_keys(found, sources, formats, connection)
    doubts += _without_required_columns(found)
    check_parents(found, sources, formats, connection)
    doubts += _orders_of_invoices(found)
    doubts += without_deleted(found, sources, connection)
    doubts += [
        message("doubt.by_values", table=each.table.name, own=each.columns[name], name=name)
        for each in found.values()
        for name in sorted(each.by_values)
    ]
    doubts += [
        message("doubt.twice", table=proposal.table.name, source=proposal.source, own=own, name=name)
        for proposal in found.values()
        for name, own in proposal.columns.items()
        if name in proposal.table.required and f"{own} 2" in sources[proposal.source].types
    ]
    used = {each.source: each for each in found.values()}
    doubts += [
        message("doubt.alike", table=proposal.table.name, name=name, own=proposal.source)
        for name, source in sources.items()
        for proposal in used.values()
        if name not in used and {*source.types} == {*sources[proposal.source].types}
    ]
    ordered = tuple(found[name] for name in (table.name for table in TABLES if table.name in found))
    return with_samples(ordered, sources, connection), tuple(doubts)


def _named_keys(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> list[LocalizedText]:
    """Take the name for the key where an export leaves the numbers out: a company's, or that of a deal with its day."""
    doubts = []
    for name, each in list(found.items()):
        key, of = each.table.key, formats[each.source]
        if key is None or key in each.columns or each.missing != (key,):
            continue
        own_name = {f"{key.removesuffix('_id')}_name", "deal_name", "subject"}
        known = own_name | {*synonyms()["columns"]["name"], "name"}
        names = [own for own in sources[each.source].types if names_of(own) & known and of.filled[own] == 1]
        # The name of a deal is nearer than that of its customer.
        named = next((own for own in names if names_of(own) & own_name), next(iter(names), None))
        if named is None:
            continue
        time = each.columns.get(each.table.time or "")
        unique = of.distinct[named] > _UNIQUE or name == "customers" or time is None
        written = named if unique else f"{expression_name(named)} || ' ' || {expression_name(time or '')}"
        found[name] = each.with_columns({key: written}, CONTAINED)
        doubts.append(message("doubt.named", table=name, key=key, own=written))
    return doubts


def _orders_of_invoices(found: dict[str, TableProposal]) -> list[LocalizedText]:
    """Take invoices for orders where a system writes no orders; without them nobody's purchases are known."""
    invoices = found.get("invoices")
    if "orders" in found or invoices is None or "contracts" in found:
        return []
    names = ("customer_id", "invoice_id", "issued_at", "amount")
    found["orders"] = orders_from(invoices, names, invoices.columns.get("where"))
    return [message("doubt.invoices", invoices=invoices.source)]


def _without_required_columns(found: dict[str, TableProposal]) -> list[LocalizedText]:
    """Leave out tables that can do without, if they lack a column: reading would stop there. Return the questions."""
    lacking = [each for name, each in found.items() if name not in _NEEDED and each.missing]
    for each in lacking:
        del found[each.table.name]
    return [
        message("doubt.missing", table=each.table.name, source=each.source, name=", ".join(each.missing))
        for each in lacking
    ]


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


def _contracts_of_members(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> list[LocalizedText]:
    """Take a list of members for their contracts too, where it says since when and until when each is a member."""
    members = found.get("customers")
    if (
        members is None
        or {"orders", "contracts", "opportunities"} & found.keys()
        or "customer_id" not in members.columns
    ):
        return []
    contracts, _ = match(by_name("contracts"), sources[members.source], formats[members.source])
    sure = {name for name, confidence in contracts.confidence.items() if confidence >= SYNONYM}
    if "started_at" not in sure or not {"ends_at", "cancelled_at"} & sure:
        return []
    keys = dict.fromkeys(("contract_id", "customer_id"), members.columns["customer_id"])
    found["contracts"] = contracts.with_columns(keys, SYNONYM)
    return [message("doubt.members", source=members.source)]


def _split_customers(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> None:
    """Take the customers out of the order file, where it says more of them than their number."""
    orders = found.get("orders")
    if orders is None or "customers" in found or "customer_id" not in orders.columns:
        return
    source, table = sources[orders.source], by_name("customers")
    columns, confidence = {"customer_id": orders.columns["customer_id"]}, {"customer_id": SYNONYM}
    # A state of the order is no state of a country.
    states = [own for own in state_columns(source) if expression_name(own) in orders.columns.get("where", "")]
    free = [own for own in source.types if own not in (*orders.columns.values(), *states)]
    for name in _OF_CUSTOMERS:
        column = table.column(name)
        ranked = [(column_similarity(table, column, own), own) for own in free if own not in columns.values()]
        fitting = [each for each in ranked if each[0] >= CONTAINED and accepts(column, each[1], formats[orders.source])]
        if name == "name":
            # An order file has names of products and files too.
            fitting = [each for each in fitting if each[0] >= SYNONYM and each[1].lower() not in ("name", "title")]
        if fitting:
            confidence[name], columns[name] = max(fitting)
    if len(columns) > 1:
        joined = {"join": orders.columns["join"]} if "join" in orders.columns else {}
        found["customers"] = TableProposal(table, orders.source, joined | columns, frozenset(), (), confidence)

"""What stands for a required column without a match: customer numbers that guests lack, and absent order numbers."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import CONTAINED, SYNONYM, ColumnFormats, column_similarity
from rapport.history.mapping.table_proposal import TableProposal, expression_name, role_columns
from rapport.history.reading.table_names import names_of
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# A number that fewer rows have names no customers; a person is named in at least the second share of the rows.
_FEWEST, _MOST = 0.2, 0.8
# The number of an order has at least this share of distinct values: some lines share it.
_DISTINCT = 0.2
_NUMBERS = {
    "name",
    "reference",
    "ref",
    "number",
    "no",
    "nr",
    "no_",
    "document",
    "doc_no",
    "编号",
    "单号",
    "流水号",
    "小票号",
}


def fill_missing(
    found: dict[str, TableProposal], sources: Mapping[str, Source], formats: Mapping[str, ColumnFormats]
) -> list[LocalizedText]:
    """Fill in customers and order numbers of the tables that lack only these; return the questions that this leaves."""
    doubts = []
    for proposal in list(found.values()):
        if proposal.missing == ("customer_id",):
            doubts += _customers(found, proposal, sources[proposal.source], formats[proposal.source])
    orders = found.get("orders")
    if orders is not None and orders.missing == ("order_id",):
        doubts += _order_numbers(found, orders, sources[orders.source], formats[orders.source])
    return doubts


def _customers(
    found: dict[str, TableProposal], proposal: TableProposal, source: Source, formats: ColumnFormats
) -> list[LocalizedText]:
    """Take a number that many rows lack, as those of guests do, or else the person's phone or e-mail."""
    column = proposal.table.column("customer_id")
    numbers = [
        own
        for own in proposal.unused
        if column_similarity(proposal.table, column, own) >= SYNONYM and formats.filled[own] >= _FEWEST
    ]
    persons = [
        own
        for own in role_columns("customer_contact", source)
        if own not in proposal.columns.values() and formats.filled[own] >= _MOST
    ]
    if numbers:
        own = max(numbers, key=lambda each: formats.filled[each])
        where = " and ".join(filter(None, (proposal.columns.get("where", ""), f"{expression_name(own)} <> ''")))
        found[proposal.table.name] = proposal.with_columns({"customer_id": own, "where": where}, SYNONYM)
        code = "doubt.guests_named" if persons else "doubt.guests"
        part, person = 1 - formats.filled[own], persons[0] if persons else ""
        return [message(code, table=proposal.table.name, own=own, part=part, person=person)]
    if persons:
        found[proposal.table.name] = proposal.with_columns({"customer_id": persons[0]}, CONTAINED)
        return [message("doubt.person", table=proposal.table.name, own=persons[0])]
    return []


def _order_numbers(
    found: dict[str, TableProposal], orders: TableProposal, source: Source, formats: ColumnFormats
) -> list[LocalizedText]:
    """Take a column with a general name and many values, or else one order for each customer and time."""
    general = [
        own
        for own in orders.unused
        if names_of(own) & _NUMBERS and formats.filled[own] >= _MOST and formats.distinct[own] >= _DISTINCT
    ]
    if general:
        written = max(general, key=lambda each: formats.distinct[each])
        found["orders"] = orders.with_columns({"order_id": written}, CONTAINED)
        return [message("doubt.named", table="orders", key="order_id", own=written)]
    customer, time = orders.columns["customer_id"], orders.columns["ordered_at"]
    if customer in source.types and time in source.types:
        written = f"concat({expression_name(customer)}, ' ', {expression_name(time)})"
        found["orders"] = orders.with_columns({"order_id": written}, CONTAINED)
        return [message("doubt.no_number", customer=customer, time=time)]
    return []

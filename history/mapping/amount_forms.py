"""How the amount of an order is made: of quantity and price, or of the smallest coins of a currency."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rapport.history.contract import by_name
from rapport.history.mapping.messages import message
from rapport.history.mapping.name_matching import SYNONYM, ColumnFormats, accepts
from rapport.history.mapping.table_proposal import TableProposal, expression_name, role_columns
from rapport.history.reading.table_names import normalized_name
from rapport.history.sources.source import Source
from rapport.localized import LocalizedText

# A column with one of these endings has hundredths: amount_in_cents, pay_amount_fen, 金额(分).
_HUNDREDTHS = re.compile(r"_(in_)?(cents?|fen|pence|minor|minor_units)$|[(（]分[)）]$")

# What a column's name says of the time that its amount pays for: mrr, monthly_fee, 年费.
_PERIODS = {
    "month": re.compile(r"(^|_)(mrr|monthly|per_month|monats\w*)(_|$)|月"),
    "quarter": re.compile(r"(^|_)(quarterly|per_quarter|quartals\w*)(_|$)|季"),
    "year": re.compile(r"(^|_)(arr|acv|annual|yearly|per_year|jahres\w*)(_|$)|年"),
}


def multiplied_amount(
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
    return [message("doubt.price", written=written, price=price)]


def in_whole_units(found: dict[str, TableProposal], sources: Mapping[str, Source]) -> list[LocalizedText]:
    """Divide amounts in cents by 100, and ask."""
    doubts = []
    for name, proposal in list(found.items()):
        own = proposal.columns.get("amount", "")
        if own in sources[proposal.source].types and _HUNDREDTHS.search(normalized_name(own)):
            found[name] = proposal.with_columns({"amount": f"{expression_name(own)} / 100"}, SYNONYM)
            doubts.append(message("doubt.cents", table=name, own=own))
    return doubts


def with_amount_period(found: dict[str, TableProposal]) -> list[LocalizedText]:
    """Take the period that the name of a contract's amount says, and ask."""
    contracts = found.get("contracts")
    if contracts is None or "amount_period" in contracts.columns:
        return []
    own = contracts.columns.get("amount", "")
    period = next((each for each, says in _PERIODS.items() if says.search(normalized_name(own))), None)
    if period is None:
        return []
    found["contracts"] = contracts.with_columns({"amount_period": f"'{period}'"}, SYNONYM)
    return [message("doubt.period", own=own, period=period)]

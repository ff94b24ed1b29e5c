"""What is ordered, sold and signed: orders, opportunities, contracts, and who the customer is."""

from __future__ import annotations

import ibis
from rapport.features.streams.stream import Stream, Tables, firsts, later, stock, with_gaps


def orders(tables: Tables) -> ibis.Table:
    """Return one row an order: lines of one order at one moment added up; returns are another stream."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount > 0)
    whole = lines.group_by("customer_id", "day", "second", "order_id").agg(
        amount=lines.amount.sum(), lines=lines.count(), quantity=lines.quantity.sum()
    )
    return with_gaps(whole)


def returns(tables: Tables) -> ibis.Table:
    """Return one row a returned or cancelled line, its amount positive."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount <= 0)
    return lines.mutate(amount=-lines.amount)


def products(tables: Tables) -> ibis.Table:
    """Return the first purchase of each product."""
    lines = tables["orders"]
    return firsts(lines.filter(lines.amount > 0), "product")


def opportunities(tables: Tables) -> ibis.Table:
    """Return one row an opportunity when it is opened."""
    return tables["opportunities"]


def closings(tables: Tables) -> ibis.Table:
    """Return one row an opportunity when it is closed, won or lost."""
    rows = later(tables["opportunities"], "closed_at")
    return rows.mutate(
        won_flag=rows.won.fill_null(False),
        lost=~rows.won.fill_null(True),
        rival=rows.competitor.notnull(),
        age=ibis.greatest(rows.closed_at_day - rows.opened_at_day, 0),
    )


def open_opportunities(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open opportunities."""
    return stock(tables["opportunities"], later(tables["opportunities"], "closed_at"))


def open_pipeline(tables: Tables) -> ibis.Table:
    """Return the changes of the amount of open opportunities."""
    rows = tables["opportunities"]
    rows = rows.filter(rows.amount.notnull())
    return stock(rows, later(rows, "closed_at"), "amount")


def contracts(tables: Tables) -> ibis.Table:
    """Return one row a contract when it starts, with the change of its amount as a part of the one before."""
    rows = tables["contracts"]
    window = ibis.window(group_by=rows.customer_id, order_by=[rows.second, rows.contract_id])
    before = rows.amount.lag().over(window)
    rows = rows.mutate(before=ibis.ifelse(before > 0, before, None).cast("float64"), end_day=rows.ends_at_day)
    share = ((rows.amount.cast("float64") - rows.before) / rows.before).clip(-100.0, 100.0)
    return rows.mutate(rise_share=(share * 10_000).round().cast("int64"))


def renewals(tables: Tables) -> ibis.Table:
    """Return one row a contract when it is renewed."""
    return later(tables["contracts"], "renewed_at")


def endings(tables: Tables) -> ibis.Table:
    """Return one row a contract at its end, and whether it had been renewed by then."""
    rows = tables["contracts"]
    rows = rows.mutate(renewed=(rows.renewed_at_day <= rows.ends_at_day).fill_null(False))
    return later(rows, "ends_at")


def contracts_in_force(tables: Tables) -> ibis.Table:
    """Return the changes of the number of contracts in force."""
    return stock(tables["contracts"], later(tables["contracts"], "ends_at"))


def customers(tables: Tables) -> ibis.Table:
    """Return one row a customer, on the day it was created."""
    rows = tables["customers"]
    return rows.filter(rows.day.notnull())


STREAMS = (
    Stream(
        "orders",
        ("orders",),
        orders,
        whole=("gap", "lines"),
        ticks=("amount", "quantity"),
        flags=("new_day",),
    ),
    Stream("returns", ("orders",), returns, ticks=("amount",)),
    Stream("products", ("orders",), products),
    Stream("opportunities", ("opportunities",), opportunities, ticks=("amount",)),
    Stream(
        "closings",
        ("opportunities",),
        closings,
        whole=("age",),
        ticks=("amount",),
        flags=("won_flag", "lost", "rival"),
    ),
    Stream("open_opportunities", ("opportunities",), open_opportunities, whole=("change",)),
    Stream("open_pipeline", ("opportunities",), open_pipeline, ticks=("change",)),
    Stream("contracts", ("contracts",), contracts, whole=("end_day",), ticks=("amount", "rise_share")),
    Stream("renewals", ("contracts",), renewals),
    Stream("endings", ("contracts",), endings, flags=("renewed",)),
    Stream("contracts_in_force", ("contracts",), contracts_in_force, whole=("change",)),
    Stream("customers", ("customers",), customers),
)

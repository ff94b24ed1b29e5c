"""Event streams of orders, opportunities, contracts and customers."""

from __future__ import annotations

import ibis

from rapport.features.streams.stream import Stream, Tables, at_fact_time, first_occurrences, open_interval, with_gaps


def orders(tables: Tables) -> ibis.Table:
    """Return one row per order: the lines of one order at one time summed; returns are another stream."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount > 0)
    orders_of = lines.group_by("customer_id", "day", "second", "order_id").agg(
        amount=lines.amount.sum(), lines=lines.count(), quantity=lines.quantity.sum()
    )
    return with_gaps(orders_of)


def returns(tables: Tables) -> ibis.Table:
    """Return one row per returned or cancelled line, with a positive amount; a line of amount 0 is neither."""
    lines = tables["orders"]
    lines = lines.filter(lines.amount < 0)
    return lines.mutate(amount=-lines.amount)


def products(tables: Tables) -> ibis.Table:
    """Return the first purchase of each product."""
    lines = tables["orders"]
    return first_occurrences(lines.filter(lines.amount > 0), "product")


def opportunities(tables: Tables) -> ibis.Table:
    """Return one row per opportunity when it is opened."""
    return tables["opportunities"]


def closings(tables: Tables) -> ibis.Table:
    """Return one row per opportunity when it is closed, won or lost."""
    rows = at_fact_time(tables["opportunities"], "closed_at")
    return rows.mutate(
        won_flag=rows.won.fill_null(False),
        lost=~rows.won.fill_null(True),
        rival=rows.competitor.notnull(),
        age=ibis.greatest(rows.closed_at_day - rows.opened_at_day, 0),
    )


def open_opportunities(tables: Tables) -> ibis.Table:
    """Return the changes of the number of open opportunities."""
    return open_interval(tables["opportunities"], at_fact_time(tables["opportunities"], "closed_at"))


def open_pipeline(tables: Tables) -> ibis.Table:
    """Return the changes of the amount of open opportunities."""
    rows = tables["opportunities"]
    rows = rows.filter(rows.amount.notnull())
    return open_interval(rows, at_fact_time(rows, "closed_at"), "amount")


def contracts(tables: Tables) -> ibis.Table:
    """Return one row per contract when it starts, with the relative change of its amount to the previous one."""
    rows = tables["contracts"]
    window = ibis.window(group_by=rows.customer_id, order_by=[rows.second, rows.contract_id])
    before = rows.amount.lag().over(window)
    rows = rows.mutate(before=ibis.ifelse(before > 0, before, None).cast("float64"), end_day=rows.ends_at_day)
    share = ((rows.amount.cast("float64") - rows.before) / rows.before).clip(-100.0, 100.0)
    return rows.mutate(rise_share=(share * 10_000).round().cast("int64"))


def renewals(tables: Tables) -> ibis.Table:
    """Return one row per contract when it is renewed."""
    return at_fact_time(tables["contracts"], "renewed_at")


def endings(tables: Tables) -> ibis.Table:
    """Return one row per contract at its end, and whether it had been renewed by then."""
    rows = tables["contracts"]
    rows = rows.mutate(renewed=(rows.renewed_at_day <= rows.ends_at_day).fill_null(False))
    return at_fact_time(rows, "ends_at")


def contracts_in_force(tables: Tables) -> ibis.Table:
    """Return the changes of the number of contracts in force; one that is cancelled ends then."""
    rows = tables["contracts"]
    is_cancelled = (rows.cancelled_at_us < rows.ends_at_us).fill_null(rows.ends_at_us.isnull())
    ending = rows.mutate(
        ends_at_day=ibis.ifelse(is_cancelled, rows.cancelled_at_day, rows.ends_at_day),
        ends_at_us=ibis.ifelse(is_cancelled, rows.cancelled_at_us, rows.ends_at_us),
    )
    return open_interval(rows, at_fact_time(ending, "ends_at"))


def customers(tables: Tables) -> ibis.Table:
    """Return one row per customer, on the day it was created."""
    rows = tables["customers"]
    return rows.filter(rows.day.notnull())


STREAMS = (
    Stream(
        "orders",
        ("orders",),
        orders,
        integers=("gap", "lines"),
        fixed_point=("amount", "quantity"),
        flags=("new_day",),
    ),
    Stream("returns", ("orders",), returns, fixed_point=("amount",)),
    Stream("products", ("orders",), products),
    Stream("opportunities", ("opportunities",), opportunities, fixed_point=("amount",)),
    Stream(
        "closings",
        ("opportunities",),
        closings,
        integers=("age",),
        fixed_point=("amount",),
        flags=("won_flag", "lost", "rival"),
    ),
    Stream("open_opportunities", ("opportunities",), open_opportunities, integers=("change",)),
    Stream("open_pipeline", ("opportunities",), open_pipeline, fixed_point=("change",)),
    Stream("contracts", ("contracts",), contracts, integers=("end_day",), fixed_point=("amount", "rise_share")),
    Stream("renewals", ("contracts",), renewals),
    Stream("endings", ("contracts",), endings, flags=("renewed",)),
    Stream("contracts_in_force", ("contracts",), contracts_in_force, integers=("change",)),
    Stream("customers", ("customers",), customers),
)

"""Event streams of orders, opportunities, contracts and customers."""

from __future__ import annotations

import numpy as np

from rapport.features.arrays.value import Value
from rapport.features.arrays.verbs import Rows
from rapport.features.streams.stream import Stream, Tables, at_fact_time, first_occurrences, open_interval, with_gaps
from rapport.history.contract import PAYMENTS_A_YEAR

DAYS_A_MONTH, MONTH_TOLERANCE = 365 / 12, 3.5
LONGEST_TERM_DAYS = 36_525
"""A century: contracts without an end are read as ending far later."""


def orders(tables: Tables) -> Rows:
    """Return one row per order: the lines of one order at one time summed; returns are another stream."""
    lines = _sold(tables).group_by("customer_id", "day", "second", "order_id")
    return with_gaps(lines.rows(amount=lines.sum("amount"), lines=lines.size(), quantity=lines.sum("quantity")))


def returns(tables: Tables) -> Rows:
    """Return one row per returned or cancelled line, with a positive amount; a line of amount 0 is neither."""
    lines = tables["orders"]
    lines = lines.filter(lines["amount"] < 0)
    return lines.with_columns(amount=-lines["amount"])


def products(tables: Tables) -> Rows:
    """Return the first purchase of each product."""
    return first_occurrences(_sold(tables), "product")


def _sold(tables: Tables) -> Rows:
    """Return the lines with a positive amount."""
    lines = tables["orders"]
    return lines.filter(lines["amount"] > 0)


def opportunities(tables: Tables) -> Rows:
    """Return one row per opportunity when it is opened."""
    return tables["opportunities"]


def closings(tables: Tables) -> Rows:
    """Return one row per opportunity when it is closed, won or lost."""
    rows = at_fact_time(tables["opportunities"], "closed_at")
    return rows.with_columns(
        won_flag=rows["won"].fill_null(False),
        lost=~rows["won"].fill_null(True),
        rival=rows["competitor"].is_known(),
        age=(rows["closed_at_day"] - rows["opened_at_day"]).at_least(0),
    )


def open_opportunities(tables: Tables) -> Rows:
    """Return the changes of the number of open opportunities."""
    return open_interval(tables["opportunities"], at_fact_time(tables["opportunities"], "closed_at"))


def open_pipeline(tables: Tables) -> Rows:
    """Return the changes of the amount of open opportunities."""
    rows = tables["opportunities"]
    rows = rows.filter(rows["amount"].is_known())
    return open_interval(rows, at_fact_time(rows, "closed_at"), "amount")


def contracts(tables: Tables) -> Rows:
    """Return one row per contract when it starts, with the relative change of its amount to the previous one."""
    rows = tables["contracts"]
    previous = rows.group_by("customer_id", order_by=["second", "contract_id"]).lag("amount")
    before = previous.null_unless(previous > 0).cast(np.float64)
    share = ((rows["amount"].cast(np.float64) - before) / before).clip(-100.0, 100.0)
    return rows.with_columns(end_day=rows["ends_at_day"], rise_share=(share * 10_000).round())


def renewals(tables: Tables) -> Rows:
    """Return one row per contract when it is renewed."""
    return at_fact_time(tables["contracts"], "renewed_at")


def endings(tables: Tables) -> Rows:
    """Return one row per contract at its end, and whether it had been renewed by then."""
    rows = at_fact_time(tables["contracts"], "ends_at")
    return rows.with_columns(renewed=rows["renewed_at_day"] <= rows["ends_at_day"])


def contracts_in_force(tables: Tables) -> Rows:
    """Return the changes of the number of contracts in force; one that is cancelled ends then."""
    rows = tables["contracts"]
    return open_interval(rows, _endings_in_force(rows))


def contract_value(tables: Tables) -> Rows:
    """Return the changes of what the contracts in force pay a year: those whose amount and its period are known."""
    rows = tables["contracts"].with_columns(yearly=_paid_a_year(tables["contracts"]))
    rows = rows.filter(rows["yearly"].is_known())
    return open_interval(rows, _endings_in_force(rows), "yearly")


def _endings_in_force(contracts: Rows) -> Rows:
    """Return the ends of contracts: planned, or by an earlier cancellation."""
    rows = contracts
    is_cancelled = (rows["cancelled_at_us"] < rows["ends_at_us"]).fill_null(rows["ends_at_us"].is_null())
    ending = rows.with_columns(
        ends_at_day=is_cancelled.if_else(rows["cancelled_at_day"], rows["ends_at_day"]),
        ends_at_us=is_cancelled.if_else(rows["cancelled_at_us"], rows["ends_at_us"]),
    )
    return at_fact_time(ending, "ends_at")


def _paid_a_year(contracts: Rows) -> Value:
    """Return what each contract pays a year; null without an amount of 0 or more, or if its term has no end.

    A term within ``MONTH_TOLERANCE`` days of whole months counts as these: January 1 to December 31 is a year.
    """
    amount, period = contracts["amount"].cast(np.float64), contracts["amount_period"]
    days = (contracts["ends_at_day"] - contracts["day"]).cast(np.float64)
    months = (days / DAYS_A_MONTH).round().cast(np.float64)
    beyond = days - months * DAYS_A_MONTH
    is_whole = (months > 0) & (beyond <= MONTH_TOLERANCE) & (beyond >= -MONTH_TOLERANCE)
    terms = is_whole.if_else(months / 12.0, days / 365.0)
    has_term = (days > 0) & (days < LONGEST_TERM_DAYS) & period.fill_null("term").equals("term")
    yearly = amount / terms.null_unless(has_term)
    for name, payments in PAYMENTS_A_YEAR.items():
        yearly = period.equals(name).if_else(amount * float(payments), yearly)
    return yearly.null_unless(amount >= 0).round()


def customers(tables: Tables) -> Rows:
    """Return one row per customer, on the day it was created."""
    rows = tables["customers"]
    return rows.filter(rows["day"].is_known())


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
    Stream("contract_value", ("contracts",), contract_value, integers=("each",), fixed_point=("change",)),
    Stream("customers", ("customers",), customers),
)

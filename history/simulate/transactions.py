"""Orders with their lines and returns, invoices, contracts and credit."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Floats, Ints, Times
from rapport.history.simulate.columns import (
    expand_counts,
    make_ids,
    planned_timestamps,
    rounded,
    sorted_table,
    take_values,
    timestamps,
)
from rapport.history.simulate.text_samples import PRODUCTS
from rapport.history.simulate.world import World

RETURN_RATE = 0.03
UNPAID_RATES = (0.002, 0.04, 0.25)
LATE_DAYS = ((-4.0, 5.0), (16.0, 9.0), (48.0, 22.0))
CREDIT_USE = ((0.35, 0.12), (0.70, 0.12), (0.93, 0.06))


@dataclass(frozen=True)
class Orders:
    """One entry per order: its buyer, month, time and amount."""

    buyer: Ints
    month: Ints
    time: Times
    amount: Floats


def draw_orders(world: World) -> Orders:
    """Draw the time and amount of each order."""
    rng, buyers = world.rng("orders"), world.buyers
    buyer, month = expand_counts(buyers.orders)
    usual = np.exp(rng.normal(9.3, 0.7, len(buyers.joined))) * (world.size[world.customer] / 100) ** 0.35
    less = np.array([1.0, 0.85, 0.6])[buyers.states["rhythm"][month, buyer]]
    amount = usual[buyer] * less * rng.lognormal(0.0, 0.35, len(buyer))
    return Orders(buyer, month, world.draw_times(rng, world.customer[buyer], month), np.maximum(amount, 50.0))


def order_lines(world: World, orders: Orders) -> pa.Table:
    """Return the order lines, from a few products per customer, and the returns."""
    rng = world.rng("lines")
    breadth = rng.integers(2, 7, len(world.buyers.joined))
    favourite = rng.integers(0, len(PRODUCTS), len(world.buyers.joined))
    lines = 1 + rng.binomial(3, 0.28, len(orders.buyer))
    order = np.repeat(np.arange(len(orders.buyer)), lines)
    weight = rng.gamma(2.0, 1.0, len(order))
    share = weight / np.bincount(order, weight)[order]
    back = rng.choice(len(order), round(RETURN_RATE * len(order)), replace=False)
    buyer = orders.buyer[order]
    product = (favourite[buyer] + rng.integers(0, 1 << 30, len(order)) % breadth[buyer] * 5) % len(PRODUCTS)
    amount, time = orders.amount[order] * share, orders.time[order]
    returned = world.calendar.later(time[back], rng.uniform(4, 30, len(back)))
    numbers_ = np.concatenate([order, len(orders.buyer) + np.arange(len(back))])
    return sorted_table(
        {
            "customer_id": world.ids(world.customer[np.concatenate([buyer, buyer[back]])]),
            "order_id": make_ids("O", numbers_ + 1, 7),
            "ordered_at": timestamps(np.concatenate([time, returned])),
            "amount": rounded(np.concatenate([amount, -amount[back]])),
            "product": take_values(PRODUCTS, np.concatenate([product, product[back]])),
            "quantity": rounded(np.concatenate([q := rng.integers(1, 40, len(order)), -q[back]]).astype(float)),
        },
        "ordered_at",
    )


def invoices(world: World, orders: Orders) -> pa.Table:
    """Return one invoice per order, paid according to the payment state."""
    rng = world.rng("invoices")
    trouble = world.buyers.states["payment"][orders.month, orders.buyer]
    mean, spread_ = np.array(LATE_DAYS)[trouble].T
    issued = world.calendar.later(orders.time, rng.uniform(0.5, 6.0, len(trouble)))
    terms = rng.choice([30.0, 45.0, 60.0], len(world.buyers.joined), p=[0.6, 0.25, 0.15])[orders.buyer]
    due = world.calendar.later(issued, terms)
    paid = world.calendar.later(issued, terms + rng.normal(mean, spread_))
    pays = rng.random(len(trouble)) >= np.array(UNPAID_RATES)[trouble]
    return sorted_table(
        {
            "invoice_id": make_ids("I", np.arange(len(trouble)) + 1, 7),
            "customer_id": world.ids(world.customer[orders.buyer]),
            "issued_at": timestamps(issued),
            "due_at": planned_timestamps(due),
            "paid_at": timestamps(paid, pays),
            "amount": rounded(orders.amount * 1.13),
            "recorded_at": timestamps(world.calendar.later(issued, rng.exponential(1.5, len(trouble)))),
        },
        "issued_at",
    )


def contracts(world: World, orders: Orders) -> pa.Table:
    """Return yearly contracts: the first from the first order on, each next one when the last was renewed."""
    rng, buyers = world.rng("contracts"), world.buyers
    first = np.full(len(buyers.joined), np.datetime64("2200-01-01", "us"))
    np.minimum.at(first, orders.buyer, orders.time.astype("datetime64[us]"))
    begins = buyers.in_force & ((np.arange(world.months)[:, None] - buyers.joined) % 12 == 0)
    # A contract that ends without a renewal has no successor.
    begins &= buyers.renewed | (np.arange(world.months)[:, None] == buyers.joined)
    buyer, month = expand_counts(begins.astype(np.int64))
    years = (month - buyers.joined[buyer]) // 12
    started = first[buyer] + (years * 365).astype("timedelta64[D]")
    next_month = np.minimum(month + 12, world.months - 1)
    renewed = (month + 12 < world.months) & buyers.renewed[next_month, buyer]
    # The renewal falls on any day of the month in which the contract ends.
    renewed_at = world.calendar.moments(rng, next_month)
    value = rng.lognormal(11.0, 0.8, len(buyers.joined))[buyer] * 1.03**years
    return sorted_table(
        {
            "contract_id": make_ids("K", np.arange(len(buyer)) + 1),
            "customer_id": world.ids(world.customer[buyer]),
            "started_at": timestamps(started),
            "ends_at": planned_timestamps(started + np.timedelta64(365, "D")),
            "renewed_at": timestamps(renewed_at, renewed),
            "amount": rounded(value),
            "amount_period": pa.array(["year"] * len(buyer), pa.string()),
        },
        "started_at",
    )


def credit(world: World) -> pa.Table:
    """Return the credit limit and its use at the end of each quarter."""
    rng, buyers = world.rng("credit"), world.buyers
    quarter = (np.arange(world.months) % 3 == 2)[:, None] & (np.arange(world.months)[:, None] >= buyers.joined)
    buyer, month = expand_counts(quarter.astype(np.int64))
    mean, deviation = np.array(CREDIT_USE)[buyers.states["payment"][month, buyer]].T
    limit = np.round(rng.lognormal(11.5, 0.8, len(buyers.joined))[buyer], -3) + 5_000
    use = np.clip(rng.normal(mean, deviation), 0.0, 1.1)
    return sorted_table(
        {
            "customer_id": world.ids(world.customer[buyer]),
            "recorded_at": timestamps(world.calendar.moments(rng, month)),
            "credit_limit": rounded(limit),
            "credit_used": rounded(limit * use),
        },
        "recorded_at",
    )

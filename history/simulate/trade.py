"""Orders with their lines and returns, invoices, contracts and credit."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from rapport.history.simulate.clock import Floats, Ints, Times
from rapport.history.simulate.words import PRODUCTS
from rapport.history.simulate.world import World, chosen, finished, labels, numbers, planned, spread, times

RETURNS = 0.03
NEVER_PAID = (0.002, 0.04, 0.25)
LATE_DAYS = ((-4.0, 5.0), (16.0, 9.0), (48.0, 22.0))
CREDIT_USE = ((0.35, 0.12), (0.70, 0.12), (0.93, 0.06))


@dataclass(frozen=True)
class Orders:
    """One entry an order: the life it belongs to, its month, time and amount."""

    life: Ints
    month: Ints
    time: Times
    amount: Floats


def draw_orders(world: World) -> Orders:
    """Draw when each order comes and what it is worth."""
    rng, lives = world.rng("orders"), world.lives
    life, month = spread(lives.orders)
    usual = np.exp(rng.normal(9.3, 0.7, len(lives.joined))) * (world.size[world.customer] / 100) ** 0.35
    less = np.array([1.0, 0.85, 0.6])[lives.states["rhythm"][month, life]]
    amount = usual[life] * less * rng.lognormal(0.0, 0.35, len(life))
    return Orders(life, month, world.when(rng, world.customer[life], month), np.maximum(amount, 50.0))


def order_lines(world: World, orders: Orders) -> pa.Table:
    """Return the lines of the orders, each customer from its own few products, and the returns."""
    rng = world.rng("lines")
    breadth = rng.integers(2, 7, len(world.lives.joined))
    favourite = rng.integers(0, len(PRODUCTS), len(world.lives.joined))
    lines = 1 + rng.binomial(3, 0.28, len(orders.life))
    order = np.repeat(np.arange(len(orders.life)), lines)
    weight = rng.gamma(2.0, 1.0, len(order))
    share = weight / np.bincount(order, weight)[order]
    back = rng.choice(len(order), round(RETURNS * len(order)), replace=False)
    life = orders.life[order]
    product = (favourite[life] + rng.integers(0, 1 << 30, len(order)) % breadth[life] * 5) % len(PRODUCTS)
    amount, time = orders.amount[order] * share, orders.time[order]
    returned = world.calendar.later(time[back], rng.uniform(4, 30, len(back)))
    numbers_ = np.concatenate([order, len(orders.life) + np.arange(len(back))])
    return finished(
        {
            "customer_id": world.ids(world.customer[np.concatenate([life, life[back]])]),
            "order_id": labels("O", numbers_ + 1, 7),
            "ordered_at": times(np.concatenate([time, returned])),
            "amount": numbers(np.concatenate([amount, -amount[back]])),
            "product": chosen(PRODUCTS, np.concatenate([product, product[back]])),
            "quantity": numbers(np.concatenate([q := rng.integers(1, 40, len(order)), -q[back]]).astype(float)),
        },
        "ordered_at",
    )


def invoices(world: World, orders: Orders) -> pa.Table:
    """Return one invoice an order, paid as the customer's cash allows."""
    rng = world.rng("invoices")
    trouble = world.lives.states["payment"][orders.month, orders.life]
    mean, spread_ = np.array(LATE_DAYS)[trouble].T
    issued = world.calendar.later(orders.time, rng.uniform(0.5, 6.0, len(trouble)))
    terms = rng.choice([30.0, 45.0, 60.0], len(world.lives.joined), p=[0.6, 0.25, 0.15])[orders.life]
    due = world.calendar.later(issued, terms)
    paid = world.calendar.later(issued, terms + rng.normal(mean, spread_))
    pays = rng.random(len(trouble)) >= np.array(NEVER_PAID)[trouble]
    return finished(
        {
            "invoice_id": labels("I", np.arange(len(trouble)) + 1, 7),
            "customer_id": world.ids(world.customer[orders.life]),
            "issued_at": times(issued),
            "due_at": planned(due),
            "paid_at": times(paid, pays),
            "amount": numbers(orders.amount * 1.13),
            "recorded_at": times(world.calendar.later(issued, rng.exponential(1.5, len(trouble)))),
        },
        "issued_at",
    )


def contracts(world: World, orders: Orders) -> pa.Table:
    """Return yearly contracts: the first from the first order on, each next one when the last was renewed."""
    rng, lives = world.rng("contracts"), world.lives
    first = np.full(len(lives.joined), np.datetime64("2200-01-01", "us"))
    np.minimum.at(first, orders.life, orders.time.astype("datetime64[us]"))
    begins = lives.in_force & ((np.arange(world.months)[:, None] - lives.joined) % 12 == 0)
    # A contract that ends in a month and is not renewed begins nothing there.
    begins &= lives.renewed | (np.arange(world.months)[:, None] == lives.joined)
    life, month = spread(begins.astype(np.int64))
    years = (month - lives.joined[life]) // 12
    started = first[life] + (years * 365).astype("timedelta64[D]")
    next_month = np.minimum(month + 12, world.months - 1)
    renewed = (month + 12 < world.months) & lives.renewed[next_month, life]
    # The reply comes in the month in which the contract ends, whichever day that is.
    renewed_at = world.calendar.moments(rng, next_month)
    value = rng.lognormal(11.0, 0.8, len(lives.joined))[life] * 1.03**years
    return finished(
        {
            "contract_id": labels("K", np.arange(len(life)) + 1),
            "customer_id": world.ids(world.customer[life]),
            "started_at": times(started),
            "ends_at": planned(started + np.timedelta64(365, "D")),
            "renewed_at": times(renewed_at, renewed),
            "amount": numbers(value),
        },
        "started_at",
    )


def credit(world: World) -> pa.Table:
    """Return what was read off each quarter: the limit, and how much of it was used."""
    rng, lives = world.rng("credit"), world.lives
    quarter = (np.arange(world.months) % 3 == 2)[:, None] & (np.arange(world.months)[:, None] >= lives.joined)
    life, month = spread(quarter.astype(np.int64))
    mean, deviation = np.array(CREDIT_USE)[lives.states["payment"][month, life]].T
    limit = np.round(rng.lognormal(11.5, 0.8, len(lives.joined))[life], -3) + 5_000
    use = np.clip(rng.normal(mean, deviation), 0.0, 1.1)
    return finished(
        {
            "customer_id": world.ids(world.customer[life]),
            "recorded_at": times(world.calendar.moments(rng, month)),
            "credit_limit": numbers(limit),
            "credit_used": numbers(limit * use),
        },
        "recorded_at",
    )

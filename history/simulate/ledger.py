"""The truth as tables: for each month's first instant, each account's true chance and what drives it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from rapport.history.simulate.clock import HORIZON, Floats, Ints
from rapport.history.simulate.leads import LEAD_FAMILIES, buying
from rapport.history.simulate.life import Flags
from rapport.history.simulate.truth import FAMILIES, Observer, shares_of
from rapport.history.simulate.world import World, chosen

# A driver is called the main one when it alone makes at least half of what raises the chance.
MAIN_SHARE = 0.5


@dataclass(frozen=True)
class _Chances:
    """The true chances of all ``accounts`` at the start of a month, and each family's share (families × n)."""

    account: Ints
    probability: Floats
    shares: Floats
    families: tuple[str, ...]


def churn_truth(world: World) -> pa.Table:
    """Return the truth of every customer with an order in the last 12 months, at every month's start."""
    observer, orders = Observer(world.calendar, world.lives), world.lives.orders
    parts = []
    for month in range(world.months):
        if month > 0:
            active = orders[max(0, month - 12) : month].sum(axis=0) > 0
            left = orders[month : month + HORIZON].sum(axis=0) == 0
            chance = observer.ahead(month)
            chances = _Chances(world.customer, chance.probability, shares_of(chance), FAMILIES)
            parts.append(_rows(world, month, chances, eligible=active, outcome=left))
        observer.watch(month)
    return pa.concat_tables(parts)


def conversion_truth(world: World) -> pa.Table:
    """Return the truth of every lead, neither customer nor lost, created or in touch in the last 12 months."""
    prospects = world.prospects
    seen = np.sum(list(prospects.marks.values()), axis=0) > 0
    parts = []
    for month in range(1, world.months):
        lately = seen[max(0, month - 12) : month].any(axis=0) | (prospects.arrived >= month - 12)
        eligible = prospects.open[month - 1] & lately
        bought = (prospects.bought >= month) & (prospects.bought < month + HORIZON)
        now = buying(prospects, month)
        chances = _Chances(world.lead, now.probability, now.shares, LEAD_FAMILIES)
        parts.append(_rows(world, month, chances, eligible=eligible, outcome=bought))
    return pa.concat_tables(parts)


def _rows(world: World, month: int, chances: _Chances, *, eligible: Flags, outcome: Flags) -> pa.Table:
    """Return one month's rows; outcomes are null where the horizon goes beyond the history."""
    n, share, families = int(eligible.sum()), chances.shares[:, eligible], chances.families
    main = np.where(share.max(axis=0) >= MAIN_SHARE, share.argmax(axis=0), len(families))
    unknown = np.full(n, month + HORIZON > world.months)
    return pa.table(
        {
            "customer_id": world.ids(chances.account[eligible]),
            "as_of": pa.array(np.full(n, world.calendar.starts[month]).astype("datetime64[us]")),
            "probability": pa.array(chances.probability[eligible]),
            "outcome": pa.array(outcome[eligible], mask=unknown),
            "main_driver": chosen((*families, None), main),
            **{f"share_{family}": pa.array(np.round(row, 4)) for family, row in zip(families, share, strict=True)},
        }
    )

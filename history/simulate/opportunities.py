"""Sales opportunities of leads and customers, with the C139 checks at the time of recording."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.history.contract import C139
from rapport.history.simulate.calendar import Flags, Ints, Times
from rapport.history.simulate.columns import expand_counts, make_ids, rounded, sorted_table, take_values, timestamps
from rapport.history.simulate.transactions import Orders
from rapport.history.simulate.world import World

STAGES = ("qualify", "propose", "negotiate")
COMPETITORS = ("Northwind", "远帆科技", "Brightline", "华拓", "Kestrel", None)
CHECK_RATES = (0.25, 0.30, 0.75)


@dataclass(frozen=True)
class _Deals:
    account: Ints
    strength: Ints
    opened: Times
    closed: Times
    is_closed: Flags
    won: Flags


def opportunities(world: World, orders: Orders) -> pa.Table:
    """Return the deals that decide about leads, and deals with customers."""
    rng = world.rng("opportunities")
    parts = [_with_leads(rng, world, orders), _with_customers(rng, world)]
    deals = _Deals(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Deals.__annotations__))
    n = len(deals.account)
    recorded = world.calendar.later(deals.opened, rng.uniform(0.2, 4.0, n))
    checks = rng.random((len(C139), n)) < np.array(CHECK_RATES)[deals.strength]
    stage = np.clip(deals.strength - 1 + rng.binomial(1, 0.35, n), 0, 2)
    ends = timestamps(np.maximum(deals.closed, recorded), deals.is_closed)
    return sorted_table(
        {
            "opportunity_id": make_ids("D", np.arange(n) + 1),
            "customer_id": world.ids(deals.account),
            "opened_at": timestamps(deals.opened),
            "closed_at": ends,
            "won": pa.array(deals.won, mask=~np.asarray(ends.is_valid())),
            "amount": rounded(rng.lognormal(10.2, 0.9, n)),
            "stage": take_values(STAGES, stage),
            "competitor": take_values(COMPETITORS, rng.integers(0, len(COMPETITORS), n)),
            **{column.name: pa.array(row, mask=rng.random(n) < 0.1) for column, row in zip(C139, checks, strict=True)},
            "recorded_at": timestamps(recorded),
        },
        "opened_at",
    )


def _with_leads(rng: np.random.Generator, world: World, orders: Orders) -> _Deals:
    """Return one deal per lead that reached one; it ends with the first order or with the loss."""
    leads, months = world.leads, world.months
    chain = leads.states["opportunity"]
    began = np.where((chain > 0).any(axis=0), (chain > 0).argmax(axis=0), months)
    lead = np.flatnonzero((began < months) & (began <= np.minimum(leads.bought, leads.lost)))
    bought, lost = leads.bought[lead], leads.lost[lead]
    first = np.full(world.accounts, np.datetime64("2200-01-01", "us"))
    np.minimum.at(first, world.customer[orders.buyer], orders.time.astype("datetime64[us]"))
    account, won = world.lead[lead], bought < months
    opened = world.draw_times(rng, account, began[lead])
    # A deal that opens and is won in the same month opens some days before its order.
    early = world.calendar.later(world.created[account], np.full(len(lead), 0.02))
    opened = np.where(
        won & (opened >= first[account]), np.maximum(early, first[account] - np.timedelta64(9, "D")), opened
    )
    lost_at = world.draw_times(rng, account, np.minimum(lost, months - 1))
    closed = np.where(won, first[account], np.maximum(lost_at, opened + np.timedelta64(1, "D")))
    return _Deals(account, chain[began[lead], lead].astype(np.int64), opened, closed, won | (lost < months), won)


def _with_customers(rng: np.random.Generator, world: World) -> _Deals:
    """Return deals with customers, which show only the level of activity."""
    buyer, month = expand_counts(world.buyers.events["opportunity"])
    opened = world.draw_times(rng, world.customer[buyer], month)
    closed = world.calendar.later(opened, rng.gamma(3.0, 25.0, len(buyer)))
    won = rng.random(len(buyer)) < 0.4
    strength = 1 + (rng.random(len(buyer)) < np.where(won, 0.6, 0.3)).astype(np.int64)
    return _Deals(world.customer[buyer], strength, opened, closed, np.ones(len(buyer), dtype=bool), won)

"""The ground truth as tables: at the start of each month, each account's true probability and its drivers."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import HORIZON, Flags, Floats, Ints
from rapport.history.simulate.columns import take_values
from rapport.history.simulate.lead_process import LEAD_FAMILIES, conversion_chances
from rapport.history.simulate.true_churn import FAMILIES, Observer, driver_shares
from rapport.history.simulate.world import World

# A driver is the main one if it causes at least half of the increase.
MAIN_SHARE = 0.5


@dataclass(frozen=True)
class _AccountChances:
    """The true probabilities of accounts at the start of a month, and each family's share (families × n)."""

    account: Ints
    probability: Floats
    shares: Floats
    families: tuple[str, ...]


def churn_truth(world: World) -> pa.Table:
    """Return the truth of every customer with an order in the last 12 months, at the start of each month."""
    observer, orders = Observer(world.calendar, world.buyers), world.buyers.orders
    parts = []
    for month in range(world.months):
        if month > 0:
            active = orders[max(0, month - 12) : month].sum(axis=0) > 0
            left = orders[month : month + HORIZON].sum(axis=0) == 0
            chance = observer.chances(month)
            chances = _AccountChances(world.customer, chance.probability, driver_shares(chance), FAMILIES)
            rows = _rows(world, month, chances, eligible=active, outcome=left)
            parts.append(rows.append_column("alive", pa.array(chance.alive[active])))
        observer.update(month)
    return pa.concat_tables(parts)


def conversion_truth(world: World) -> pa.Table:
    """Return the truth of every open lead that was created or active in the last 12 months."""
    leads = world.leads
    touched = np.sum(list(leads.events.values()), axis=0) > 0
    parts = []
    for month in range(1, world.months):
        recent = touched[max(0, month - 12) : month].any(axis=0) | (leads.arrived >= month - 12)
        eligible = leads.open[month - 1] & recent
        bought = (leads.bought >= month) & (leads.bought < month + HORIZON)
        now = conversion_chances(leads, month)
        chances = _AccountChances(world.lead, now.probability, now.shares, LEAD_FAMILIES)
        parts.append(_rows(world, month, chances, eligible=eligible, outcome=bought))
    return pa.concat_tables(parts)


def _rows(world: World, month: int, chances: _AccountChances, *, eligible: Flags, outcome: Flags) -> pa.Table:
    """Return one month's rows; outcomes are null if the horizon ends after the history."""
    n, share, families = int(eligible.sum()), chances.shares[:, eligible], chances.families
    main = np.where(share.max(axis=0) >= MAIN_SHARE, share.argmax(axis=0), len(families))
    unknown = np.full(n, month + HORIZON > world.months)
    return pa.table(
        {
            "customer_id": world.ids(chances.account[eligible]),
            "as_of": pa.array(np.full(n, world.calendar.starts[month]).astype("datetime64[us]")),
            "probability": pa.array(chances.probability[eligible]),
            "outcome": pa.array(outcome[eligible], mask=unknown),
            "main_driver": take_values((*families, None), main),
            **{f"share_{family}": pa.array(np.round(row, 4)) for family, row in zip(families, share, strict=True)},
        }
    )

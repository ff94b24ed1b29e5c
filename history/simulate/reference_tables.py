"""What the company knows beside its customers: what campaigns cost, how industries grow, and who referred whom."""

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Flags, Ints
from rapport.history.simulate.columns import rounded, sorted_table, take_values, timestamps
from rapport.history.simulate.text_samples import CAMPAIGNS, INDUSTRIES
from rapport.history.simulate.world import World

CAMPAIGN_MONTHS = 3
CAMPAIGN_CHANNELS = ("web", "email", "wechat", "search")
COST_PER_ACCOUNT = (20.0, 160.0)
GROWTH_MEAN, GROWTH_DEVIATION = 0.03, 0.07


def campaign_of(month: Ints) -> Ints:
    """Return the campaign that runs in each month, as its place in ``CAMPAIGNS``."""
    return np.asarray((month // CAMPAIGN_MONTHS) % len(CAMPAIGNS))


def campaigns(world: World) -> pa.Table:
    """Return each run of a campaign with its cost, which grows with the number of accounts."""
    starts = np.arange(0, world.months, CAMPAIGN_MONTHS)
    cost = world.rng("campaigns").uniform(*COST_PER_ACCOUNT, len(starts)) * world.accounts
    return sorted_table(
        {
            "campaign": take_values(CAMPAIGNS, campaign_of(starts)),
            "started_at": timestamps(world.calendar.starts[starts]),
            "cost": rounded(cost, decimals=0),
            "channel": take_values(CAMPAIGN_CHANNELS, campaign_of(starts)),
        },
        "started_at",
    )


def industries(world: World) -> pa.Table:
    """Return the growth of each industry, a new figure a year."""
    starts = np.arange(0, world.months, 12)
    industry = np.tile(np.arange(len(INDUSTRIES)), len(starts))
    growth = world.rng("industries").normal(GROWTH_MEAN, GROWTH_DEVIATION, len(industry))
    return sorted_table(
        {
            "industry": take_values(INDUSTRIES, industry),
            "as_of": timestamps(world.calendar.starts[np.repeat(starts, len(INDUSTRIES))]),
            "growth": rounded(growth, decimals=3),
        },
        "as_of",
    )


def draw_referrers(world: World, referred: Flags) -> Ints:
    """Return the account that referred each account, -1 for none: one that bought in an earlier month.

    The first customers refer most.
    """
    order = np.argsort(world.buyers.joined, kind="stable")
    bought, buyer = world.buyers.joined[order], world.customer[order]
    month = np.searchsorted(world.calendar.starts, world.created.astype("datetime64[D]"), side="right") - 1
    before = np.searchsorted(bought, month, side="left")
    pick = (world.rng("referrals").random(world.accounts) ** 2 * before).astype(np.int64)
    return np.where(referred & (before > 0), buyer[pick], -1)

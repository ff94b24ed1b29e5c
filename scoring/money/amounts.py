"""The amounts of scored customers: revenue at risk, expected revenue, savable money, lifetime value, and lists."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.blend import logit_of, sigmoid
from rapport.scoring.money.assumptions import Assumptions

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

DAYS_PER_YEAR = 365.0
CLV_YEARS = (1, 3, 5)
GONE_AFTER_CADENCES = 5.0
"""An active customer who has been silent for this many order cadences has probably left."""
GONE_PROBABILITY = 0.9
"""So has one whose churn probability is at least this."""
_SURE = 1e-9


@dataclass(frozen=True)
class CustomerFacts:
    """What the amounts are computed from, row by row; nan where a customer has no probability or a fact is unknown.

    Parameters
    ----------
    spend : spend if retained, within the horizon.
    silence : days since the last order relative to the customer's own mean gap between orders.
    helps : chance that a contact keeps a customer who would leave, by an uplift model; None where there is none.
    carry : the log-odds of a customer who stayed, one horizon on: first + second × its log-odds now.
    """

    state: Texts
    probability: Floats
    low: Floats
    high: Floats
    spend: Floats
    silence: Floats
    horizon_days: float
    helps: Floats | None = None
    carry: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class CustomerAmounts:
    """The amounts of some customers, row by row; nan where there is no probability."""

    spend_if_retained: Floats
    revenue_at_risk: Floats
    revenue_at_risk_low: Floats
    revenue_at_risk_high: Floats
    expected_revenue: Floats
    contact_effect: Floats
    savable: Floats
    clv: dict[int, Floats]


def customer_amounts(facts: CustomerFacts, assumptions: Assumptions) -> CustomerAmounts:
    """Return the amounts of existing customers."""
    spend = np.where(np.isnan(facts.probability), np.nan, np.maximum(facts.spend, 0.0))
    at_risk = facts.probability * spend
    assumed = contact_effect(facts.probability, facts.silence, assumptions)
    effect = assumed if facts.helps is None else facts.helps
    return CustomerAmounts(
        spend_if_retained=spend,
        revenue_at_risk=at_risk,
        revenue_at_risk_low=facts.low * spend,
        revenue_at_risk_high=facts.high * spend,
        expected_revenue=spend - at_risk,
        contact_effect=effect,
        savable=at_risk * effect * assumptions.margin - assumptions.contact_cost,
        clv={years: lifetime_value(facts, spend, assumptions, years) for years in CLV_YEARS},
    )


def contact_effect(probability: Floats, silence: Floats, assumptions: Assumptions) -> Floats:
    """Return the effect of a contact on each customer.

    It falls with the churn probability and with ``silence`` (days since the last order in order cadences): a customer
    who has been silent for many cadences has most likely left already, and no call brings back who is gone. Unknown
    silence, as after a single order, counts as one cadence.
    """
    late = np.maximum(np.nan_to_num(silence, nan=1.0) - 1.0, 0.0)
    still_there = 0.5 ** (late / assumptions.contact_half_life)
    return np.asarray(assumptions.contact_effect * np.sqrt(np.maximum(1.0 - probability, 0.0)) * still_there)


def lifetime_value(facts: CustomerFacts, spend: Floats, assumptions: Assumptions, years: int) -> Floats:
    """Return the discounted margin of ``years`` years.

    Horizon by horizon it is the expected revenue: ``spend``, which is that of a customer who stays to the end of the
    horizon, × the chance to do so; who stayed for one horizon has another probability in the next.
    """
    length = facts.horizon_days / DAYS_PER_YEAR
    probability, survival, total = facts.probability, np.ones(len(spend)), np.zeros(len(spend))
    for number in range(math.ceil(years / length)):
        share = min(1.0, years / length - number)
        survival = survival * (1.0 - probability)
        discount = (1.0 + assumptions.discount_rate) ** ((number + share / 2) * length)
        total += survival * spend * share * assumptions.margin / discount
        probability = carried(probability, facts.carry)
    return total


def carried(probability: Floats, carry: tuple[float, float]) -> Floats:
    """Return the probability of customers who stayed, one horizon on."""
    first, second = carry
    return sigmoid(first + second * logit_of(np.clip(probability, _SURE, 1.0 - _SURE)))


def owner_ranks(lists: Texts, savable: Floats, owners: Texts) -> npt.NDArray[np.int64]:
    """Return the rank of each customer on its owner's list at_risk, 1 the most savable; 0 for everyone else."""
    ranks, seen = np.zeros(len(lists), dtype=np.int64), dict[object, int]()
    rows = np.flatnonzero(lists == "at_risk")
    for row in rows[np.argsort(-savable[rows], kind="stable")]:
        ranks[row] = seen[owners[row]] = seen.get(owners[row], 0) + 1
    return ranks


def this_week(
    lists: Texts, savable: Floats, ranks: npt.NDArray[np.int64], *, per_week: int, per_owner: int
) -> npt.NDArray[np.bool_]:
    """Mark who of the list at_risk can be contacted this week: each owner's first, within the total."""
    able = (lists == "at_risk") & ((ranks <= per_owner) if per_owner else True)
    rows = np.flatnonzero(able)
    chosen = np.zeros(len(lists), dtype=bool)
    chosen[rows[np.argsort(-savable[rows], kind="stable")][:per_week]] = True
    return chosen


def work_lists(
    facts: CustomerFacts, savable: Floats, do_not_contact: npt.NDArray[np.bool_], least: float = 0.0
) -> Texts:
    """Return the list of each customer: at_risk, probably_lost, win_back or none.

    at_risk: the probability is at least ``least``, and a contact is worth more than it costs. probably_lost: still
    active by definition, but silent for ``GONE_AFTER_CADENCES`` cadences or almost certain to leave. win_back: lapsed.
    Who must not be contacted is on none. Where nobody's spend is known, as with contracts without amounts, the
    probability alone decides.
    """
    scored = ~np.isnan(facts.probability)
    gone = scored & ((facts.silence >= GONE_AFTER_CADENCES) | (facts.probability >= GONE_PROBABILITY))
    lists = np.full(len(facts.state), "none", dtype=object)
    worthwhile = (savable > 0) | ~np.any(facts.spend > 0)
    lists[scored & ~gone & worthwhile & (facts.probability >= least)] = "at_risk"
    lists[gone] = "probably_lost"
    lists[facts.state == "lapsed"] = "win_back"
    lists[do_not_contact] = "none"
    return lists

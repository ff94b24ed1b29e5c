"""Tickets, surveys and risk events, which show service trouble, satisfaction and lawsuits."""

import numpy as np
import pyarrow as pa

from rapport.history.simulate.calendar import Floats, Ints
from rapport.history.simulate.churn_process import States
from rapport.history.simulate.columns import expand_counts, make_ids, rounded, sorted_table, take_values, timestamps
from rapport.history.simulate.text_samples import RISK_KINDS
from rapport.history.simulate.world import World

FIRST_HOURS = (6.0, 18.0, 60.0)
SOLVED_DAYS = (4.0, 16.0, 45.0)
UNRESOLVED_RATES = (0.01, 0.12, 0.5)
TICKET_SATISFACTION = ((4.4, 0.6), (3.3, 0.8), (2.0, 0.8))
ANSWER_RATES = (0.75, 0.60, 0.35)
SURVEYS = ("nps", "csat", "referral")
SCORES = (
    ((8.6, 1.2), (6.3, 1.5), (2.8, 1.8)),
    ((4.5, 0.5), (3.3, 0.7), (1.9, 0.7)),
    ((8.2, 1.6), (5.8, 1.8), (2.4, 1.8)),
)
RANGES = ((0, 10), (1, 5), (0, 10))
RISK_RATE = (0.012, 0.40, 1.10)
DEFENDANT = (0.35, 0.75, 0.92)
CATEGORIES = tuple(RISK_KINDS)


def tickets(world: World) -> pa.Table:
    """Return complaints and support tickets; in service trouble they stay open longer."""
    rng, states = world.rng("tickets"), world.buyers.states
    kinds = ("complaint", "support")
    parts = [expand_counts(world.buyers.events[kind]) for kind in kinds]
    kind = np.repeat([0, 1], [len(buyer) for buyer, _ in parts])
    buyer, month = (np.concatenate(each) for each in zip(*parts, strict=True))
    n, trouble = len(kind), states["service"][month, buyer]
    slow = np.where(kind == 0, trouble, np.minimum(trouble, 1))
    opened = world.draw_times(rng, world.customer[buyer], month)
    responded = world.calendar.later(opened, rng.gamma(1.5, np.array(FIRST_HOURS)[slow] / 36))
    resolved = world.calendar.later(responded, rng.gamma(1.5, np.array(SOLVED_DAYS)[slow] / 1.5))
    solved = rng.random(n) >= np.array(UNRESOLVED_RATES)[slow]
    mean, deviation = np.array(TICKET_SATISFACTION)[states["satisfaction"][month, buyer]].T
    stars = np.clip(np.round(rng.normal(mean - 0.3 * trouble, deviation)), 1, 5)
    rated = solved & (rng.random(n) < 0.6)
    return sorted_table(
        {
            "ticket_id": make_ids("T", np.arange(n) + 1, 7),
            "customer_id": world.ids(world.customer[buyer]),
            "opened_at": timestamps(opened),
            "responded_at": timestamps(responded),
            "resolved_at": (ends := timestamps(resolved, solved)),
            "kind": take_values(kinds, kind),
            "severity": rounded(np.clip(1 + rng.binomial(3, 0.25 + 0.2 * slow), 1, 4).astype(float)),
            "satisfaction": rounded(stars, rated & np.asarray(ends.is_valid())),
            "recorded_at": timestamps(world.calendar.later(opened, rng.exponential(0.1, n))),
        },
        "opened_at",
    )


def surveys(world: World) -> pa.Table:
    """Return surveys; dissatisfied customers answer less often, and an unanswered survey has no score."""
    rng = world.rng("surveys")
    parts = [expand_counts(world.buyers.events[kind]) for kind in SURVEYS]
    kind = np.repeat(np.arange(len(SURVEYS)), [len(buyer) for buyer, _ in parts])
    buyer, month = (np.concatenate(each) for each in zip(*parts, strict=True))
    n, state = len(kind), world.buyers.states["satisfaction"][month, buyer]
    mean, deviation = np.array(SCORES)[kind, state].T
    own = rng.normal(0.0, 0.4, len(world.buyers.joined))[buyer]
    low, high = np.array(RANGES)[kind].T
    score = np.clip(np.round(rng.normal(mean + own, deviation)), low, high)
    return sorted_table(
        {
            "customer_id": world.ids(world.customer[buyer]),
            "answered_at": timestamps(world.draw_times(rng, world.customer[buyer], month)),
            "kind": take_values(SURVEYS, kind),
            "score": rounded(score, rng.random(n) < np.array(ANSWER_RATES)[state]),
        },
        "answered_at",
    )


def risk_events(world: World) -> pa.Table:
    """Return lawsuits and other risk events, recorded some days after they happened."""
    rng, trouble = world.rng("risk_events"), world.buyers.states["risk"]
    present = np.arange(world.months)[:, None] >= world.buyers.joined
    buyer, month = expand_counts(rng.poisson(np.array(RISK_RATE)[trouble] * present))
    n, state = len(buyer), trouble[month, buyer]
    category = _category(rng, state)
    kind = rng.integers(0, 3, n)
    when = world.draw_times(rng, world.customer[buyer], month)
    amount = rng.lognormal(11.0 + 1.2 * state, 1.0)
    sued = rng.random(n) < np.array(DEFENDANT)[state]
    return sorted_table(
        {
            "customer_id": world.ids(world.customer[buyer]),
            "occurred_at": timestamps(when),
            "category": take_values(CATEGORIES, category),
            "kind": take_values([each for kinds in RISK_KINDS.values() for each in kinds], category * 3 + kind),
            "role": take_values(("plaintiff", "defendant", None), np.where(category == 0, sued.astype(np.int64), 2)),
            "amount": rounded(amount, category <= 2),
            "recorded_at": timestamps(world.calendar.later(when, rng.gamma(2.0, 3.0, n))),
        },
        "occurred_at",
    )


def _category(rng: np.random.Generator, state: States) -> Ints:
    """Return the category: judicial, operational, financial or industry; in trouble mostly judicial."""
    heads: Floats = np.cumsum([[0.25, 0.35, 0.10, 0.30], [0.60, 0.15, 0.20, 0.05], [0.65, 0.10, 0.24, 0.01]], axis=1)
    return np.asarray((rng.random(len(state))[:, None] > heads[state][:, :3]).sum(axis=1))

"""Tickets, surveys and risk news: where quarrels, moods and law suits show."""

import numpy as np
import pyarrow as pa
from rapport.history.simulate.clock import Floats, Ints
from rapport.history.simulate.life import States
from rapport.history.simulate.words import RISK_KINDS
from rapport.history.simulate.world import World, chosen, finished, labels, numbers, spread, times

FIRST_HOURS = (6.0, 18.0, 60.0)
SOLVED_DAYS = (4.0, 16.0, 45.0)
NEVER_SOLVED = (0.01, 0.12, 0.5)
TICKET_STARS = ((4.4, 0.6), (3.3, 0.8), (2.0, 0.8))
ANSWERS = (0.75, 0.60, 0.35)
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
    """Return complaints and support tickets; in a quarrel they stay open."""
    rng, states = world.rng("tickets"), world.lives.states
    kinds = ("complaint", "support")
    parts = [spread(world.lives.marks[kind]) for kind in kinds]
    kind = np.repeat([0, 1], [len(life) for life, _ in parts])
    life, month = (np.concatenate(each) for each in zip(*parts, strict=True))
    n, quarrel = len(kind), states["service"][month, life]
    slow = np.where(kind == 0, quarrel, np.minimum(quarrel, 1))
    opened = world.when(rng, world.customer[life], month)
    responded = world.calendar.later(opened, rng.gamma(1.5, np.array(FIRST_HOURS)[slow] / 36))
    resolved = world.calendar.later(responded, rng.gamma(1.5, np.array(SOLVED_DAYS)[slow] / 1.5))
    solved = rng.random(n) >= np.array(NEVER_SOLVED)[slow]
    mean, deviation = np.array(TICKET_STARS)[states["satisfaction"][month, life]].T
    stars = np.clip(np.round(rng.normal(mean - 0.3 * quarrel, deviation)), 1, 5)
    rated = solved & (rng.random(n) < 0.6)
    return finished(
        {
            "ticket_id": labels("T", np.arange(n) + 1, 7),
            "customer_id": world.ids(world.customer[life]),
            "opened_at": times(opened),
            "responded_at": times(responded),
            "resolved_at": (ends := times(resolved, solved)),
            "kind": chosen(kinds, kind),
            "severity": numbers(np.clip(1 + rng.binomial(3, 0.25 + 0.2 * slow), 1, 4).astype(float)),
            "satisfaction": numbers(stars, rated & np.asarray(ends.is_valid())),
            "recorded_at": times(world.calendar.later(opened, rng.exponential(0.1, n))),
        },
        "opened_at",
    )


def surveys(world: World) -> pa.Table:
    """Return what was asked and answered; who is dissatisfied answers less, and a silence has no score."""
    rng = world.rng("surveys")
    parts = [spread(world.lives.marks[kind]) for kind in SURVEYS]
    kind = np.repeat(np.arange(len(SURVEYS)), [len(life) for life, _ in parts])
    life, month = (np.concatenate(each) for each in zip(*parts, strict=True))
    n, mood = len(kind), world.lives.states["satisfaction"][month, life]
    mean, deviation = np.array(SCORES)[kind, mood].T
    own = rng.normal(0.0, 0.4, len(world.lives.joined))[life]
    low, high = np.array(RANGES)[kind].T
    score = np.clip(np.round(rng.normal(mean + own, deviation)), low, high)
    return finished(
        {
            "customer_id": world.ids(world.customer[life]),
            "answered_at": times(world.when(rng, world.customer[life], month)),
            "kind": chosen(SURVEYS, kind),
            "score": numbers(score, rng.random(n) < np.array(ANSWERS)[mood]),
        },
        "answered_at",
    )


def risk_events(world: World) -> pa.Table:
    """Return law suits and other news, published some days after they happened."""
    rng, trouble = world.rng("risk_events"), world.lives.states["risk"]
    present = np.arange(world.months)[:, None] >= world.lives.joined
    life, month = spread(rng.poisson(np.array(RISK_RATE)[trouble] * present))
    n, state = len(life), trouble[month, life]
    category = _category(rng, state)
    kind = rng.integers(0, 3, n)
    when = world.when(rng, world.customer[life], month)
    amount = rng.lognormal(11.0 + 1.2 * state, 1.0)
    sued = rng.random(n) < np.array(DEFENDANT)[state]
    return finished(
        {
            "customer_id": world.ids(world.customer[life]),
            "occurred_at": times(when),
            "category": chosen(CATEGORIES, category),
            "kind": chosen([each for kinds in RISK_KINDS.values() for each in kinds], category * 3 + kind),
            "role": chosen(("plaintiff", "defendant", None), np.where(category == 0, sued.astype(np.int64), 2)),
            "amount": numbers(amount, category <= 2),
            "recorded_at": times(world.calendar.later(when, rng.gamma(2.0, 3.0, n))),
        },
        "occurred_at",
    )


def _category(rng: np.random.Generator, state: States) -> Ints:
    """Return judicial, operational, financial or industry news; in trouble mostly the first."""
    heads: Floats = np.cumsum([[0.25, 0.35, 0.10, 0.30], [0.60, 0.15, 0.20, 0.05], [0.65, 0.10, 0.24, 0.01]], axis=1)
    return np.asarray((rng.random(len(state))[:, None] > heads[state][:, :3]).sum(axis=1))

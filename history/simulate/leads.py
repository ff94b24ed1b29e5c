"""Leads: hidden interest month by month, until a first order, a loss, or the end; and the true chance to buy."""

from dataclasses import dataclass

import numpy as np
from rapport.history.simulate.clock import HORIZON, Floats, Ints
from rapport.history.simulate.drivers import BUYING, FIT_HAZARD, LEAD_MARKS, LOST, Driver
from rapport.history.simulate.life import Flags, States, rates, walk

CHAINS = {driver.family: driver for driver in BUYING}
LEAD_FAMILIES = (*CHAINS, "fit")
DEAL = "opportunity"


@dataclass(frozen=True)
class Prospects:
    """What really happens to each lead; arrays are months × leads.

    ``bought`` and ``lost`` are months, beyond the last where it never happens; ``open`` says who, at the end of
    a month, is still neither.
    """

    arrived: Ints
    fits: Flags
    states: dict[str, States]
    bought: Ints
    lost: Ints
    open: Flags
    marks: dict[str, Ints]


def court(rng: np.random.Generator, months: int, arrived: Ints) -> Prospects:
    """Let leads that arrive in the given months warm up, buy or be lost."""
    n = len(arrived)
    states = {each.family: walk(rng, each, months, arrived) for each in BUYING}
    fits = rng.random(n) < 0.3
    bought, lost, still = np.full(n, months), np.full(n, months), np.zeros((months, n), dtype=bool)
    waiting = np.ones(n, dtype=bool)
    for month in range(months):
        here = waiting & (month > arrived)
        loses = here & (rng.random(n) < np.asarray(LOST)[states[DEAL][month]])
        buys = here & ~loses & (rng.random(n) < -np.expm1(-_hazard(states, fits, month)))
        lost[loses], bought[buys] = month, month
        waiting &= ~(loses | buys)
        still[month] = waiting & (month >= arrived)
    marks = {mark.name: rng.poisson(rates(mark, states) * still) for mark in LEAD_MARKS}
    return Prospects(arrived, fits, states, bought, lost, still, marks)


@dataclass(frozen=True)
class Buying:
    """The chance of a first order within the horizon, and each family's share of what raises it (families × n)."""

    probability: Floats
    shares: Floats


def buying(prospects: Prospects, month: int) -> Buying:
    """Return the true chances at the first instant of ``month``, in closed form as for leaving."""
    now = {family: chain[month - 1].astype(np.int64) for family, chain in prospects.states.items()}
    chance = _chance(now, prospects.fits)
    gains = [_logit(chance) - _logit(_chance(now | {family: 0 * now[family]}, prospects.fits)) for family in CHAINS]
    gains.append(_logit(chance) - _logit(_chance(now, np.zeros_like(prospects.fits))))
    gain = np.maximum(np.stack(gains), 0.0)
    total = gain.sum(axis=0)
    return Buying(chance, gain / np.where(total > 0, total, 1.0))


def _chance(now: dict[str, Ints], fits: Flags) -> Floats:
    """Return Σ over the horizon of: not lost, not bought before, bought now."""
    fit = np.asarray(FIT_HAZARD)[fits.astype(np.int64)]
    others = np.exp(-fit * np.arange(HORIZON + 1)[:, None])
    for family, driver in CHAINS.items():
        if family != DEAL:
            others = others * _staying(driver)[:, now[family]]
    before, after = (table[:, now[DEAL]] for table in _deals(CHAINS[DEAL]))
    return np.asarray((others[:-1] * before - others[1:] * after).sum(axis=0))


def _staying(driver: Driver) -> Floats:
    """Return the chance of not buying through this driver for 0 … horizon months from each state."""
    step = driver.moves * np.exp(-np.asarray(driver.hazard))
    rows = [np.ones(3)]
    for _ in range(HORIZON):
        rows.append(step @ rows[-1])
    return np.stack(rows)


def _deals(driver: Driver) -> tuple[Floats, Floats]:
    """Return, for each month ahead and state now, the chance to be neither lost nor won before and after its sale."""
    kept, unsold = 1 - np.asarray(LOST), np.exp(-np.asarray(driver.hazard))
    before, after = [], []
    paths = np.eye(3)
    for _ in range(HORIZON):
        paths = (paths @ driver.moves) * kept
        before.append(paths.sum(axis=1))
        paths = paths * unsold
        after.append(paths.sum(axis=1))
    return np.stack(before), np.stack(after)


def _hazard(states: dict[str, States], fits: Flags, month: int) -> Floats:
    hazard = np.asarray(FIT_HAZARD)[fits.astype(np.int64)]
    for family, driver in CHAINS.items():
        hazard = hazard + np.asarray(driver.hazard)[states[family][month]]
    return np.asarray(hazard)


def _logit(probability: Floats) -> Floats:
    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))

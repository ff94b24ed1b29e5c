"""The lead process: hidden interest month by month until a first order or a loss, and the true conversion chance."""

from dataclasses import dataclass

import numpy as np

from rapport.history.simulate.calendar import HORIZON, Flags, Floats, Ints
from rapport.history.simulate.churn_process import States, monthly_rates, simulate_chain
from rapport.history.simulate.drivers import CONVERSION_DRIVERS, FIT_HAZARD, LEAD_EVENT_RATES, LOSS_RATES, Driver

CHAINS = {driver.family: driver for driver in CONVERSION_DRIVERS}
LEAD_FAMILIES = (*CHAINS, "fit")
DEAL = "opportunity"


@dataclass(frozen=True)
class LeadProcess:
    """The true course of each lead; arrays are months × leads.

    ``bought`` and ``lost`` are months, after the last one if it never happens; ``open`` marks who is neither at the
    end of a month.
    """

    arrived: Ints
    fits: Flags
    states: dict[str, States]
    bought: Ints
    lost: Ints
    open: Flags
    events: dict[str, Ints]


def simulate_leads(rng: np.random.Generator, months: int, arrived: Ints) -> LeadProcess:
    """Simulate leads from their month of arrival to a first order, a loss, or the end."""
    n = len(arrived)
    states = {each.family: simulate_chain(rng, each, months, arrived) for each in CONVERSION_DRIVERS}
    fits = rng.random(n) < 0.3
    bought, lost, still = np.full(n, months), np.full(n, months), np.zeros((months, n), dtype=bool)
    waiting = np.ones(n, dtype=bool)
    for month in range(months):
        present = waiting & (month > arrived)
        loses = present & (rng.random(n) < np.asarray(LOSS_RATES)[states[DEAL][month]])
        buys = present & ~loses & (rng.random(n) < -np.expm1(-_hazard(states, fits, month)))
        lost[loses], bought[buys] = month, month
        waiting &= ~(loses | buys)
        still[month] = waiting & (month >= arrived)
    events = {event.name: rng.poisson(monthly_rates(event, states) * still) for event in LEAD_EVENT_RATES}
    return LeadProcess(arrived, fits, states, bought, lost, still, events)


@dataclass(frozen=True)
class ConversionChances:
    """The probability of a first order within the horizon, and each family's share of its increase (families × n)."""

    probability: Floats
    shares: Floats


def conversion_chances(leads: LeadProcess, month: int) -> ConversionChances:
    """Return the true probabilities at the start of ``month``, in closed form as for churn."""
    now = {family: chain[month - 1].astype(np.int64) for family, chain in leads.states.items()}
    chance = _chance(now, leads.fits)
    gains = [_logit(chance) - _logit(_chance(now | {family: 0 * now[family]}, leads.fits)) for family in CHAINS]
    gains.append(_logit(chance) - _logit(_chance(now, np.zeros_like(leads.fits))))
    gain = np.maximum(np.stack(gains), 0.0)
    total = gain.sum(axis=0)
    return ConversionChances(chance, gain / np.where(total > 0, total, 1.0))


def _chance(now: dict[str, Ints], fits: Flags) -> Floats:
    """Return the sum over the horizon of P(not lost, not bought before, bought in this month)."""
    fit = np.asarray(FIT_HAZARD)[fits.astype(np.int64)]
    others = np.exp(-fit * np.arange(HORIZON + 1)[:, None])
    for family, driver in CHAINS.items():
        if family != DEAL:
            others = others * _survival_of_others(driver)[:, now[family]]
    before, after = (table[:, now[DEAL]] for table in _deals(CHAINS[DEAL]))
    return np.asarray((others[:-1] * before - others[1:] * after).sum(axis=0))


def _survival_of_others(driver: Driver) -> Floats:
    """Return the survival of this driver for 0 … horizon months, from each state."""
    step = driver.transitions * np.exp(-np.asarray(driver.hazard))
    rows = [np.ones(3)]
    for _ in range(HORIZON):
        rows.append(step @ rows[-1])
    return np.stack(rows)


def _deals(driver: Driver) -> tuple[Floats, Floats]:
    """Return, for each month ahead and current state, P(neither lost nor won) before and after that month's sale."""
    kept, unsold = 1 - np.asarray(LOSS_RATES), np.exp(-np.asarray(driver.hazard))
    before, after = [], []
    paths = np.eye(3)
    for _ in range(HORIZON):
        paths = (paths @ driver.transitions) * kept
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

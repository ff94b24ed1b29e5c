"""Hidden lives: month by month, what troubles each customer, whether it stays, and how often it orders."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rapport.history.simulate.clock import Calendar, Floats, Ints
from rapport.history.simulate.drivers import (
    AFTERGLOW,
    CONTRACT_END_HAZARD,
    CONTRACTED,
    CUSTOMER_MARKS,
    LEAVING,
    NEWCOMER_HAZARD,
    NEWCOMER_MONTHS,
    RENEWS,
    RENEWS_THOUGH_GONE,
    RHYTHM_PACE,
    USUAL_HAZARD,
    Driver,
    Mark,
)

States = NDArray[np.int8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lives:
    """What really happens to each customer; arrays are months × customers.

    ``states`` has one such array for each family of ``LEAVING``; ``alive`` says who has not left, ``in_force``
    who enters a month with a contract, ``renewed`` who renews in it. ``orders`` and ``marks`` are counts,
    ``expected`` the marks' rates of a customer that has not left.
    """

    joined: Ints
    pace: Floats
    states: dict[str, States]
    alive: Flags
    in_force: Flags
    renewed: Flags
    orders: Ints
    marks: dict[str, Ints] = field(default_factory=dict)
    expected: dict[str, Floats] = field(default_factory=dict)

    def due(self, month: int, now: int) -> Flags:
        """Return whose contract, in force at the start of month ``now``, ends in ``month``."""
        age = month - self.joined
        return np.asarray(self.in_force[now] & (age > 0) & (age % 12 == 0))

    def newcomer_hazard(self, month: int) -> Floats:
        """Return the part of the leaving hazard that wears off in a customer's first year."""
        return NEWCOMER_HAZARD * np.exp(-np.maximum(month - self.joined, 0) / NEWCOMER_MONTHS)


def live(rng: np.random.Generator, calendar: Calendar, joined: Ints) -> Lives:
    """Let customers who order for the first time in month ``joined`` live to the end of the calendar."""
    months, n = calendar.months, len(joined)
    states = {each.family: walk(rng, each, months, joined) for each in LEAVING}
    pace = np.clip(rng.lognormal(np.log(0.75), 0.9, n), 0.1, 6.0)
    alive, in_force, renewed = np.zeros((3, months, n), dtype=bool)
    life = Lives(joined, pace, states, alive, in_force, renewed, orders=np.zeros((months, n), dtype=np.int64))
    _decide(rng, life)
    present = np.arange(months)[:, None] >= joined[None, :]
    rate = pace * RHYTHM_PACE[states["rhythm"]] * calendar.season[:months, None]
    life.orders[:] = rng.poisson(rate * (life.alive & present))
    life.orders[joined, np.arange(n)] += 1
    lively = rng.lognormal(0.0, 0.25, n)
    for mark in CUSTOMER_MARKS:
        life.expected[mark.name] = rates(mark, states) * lively * present
        life.marks[mark.name] = rng.poisson(life.expected[mark.name] * np.where(life.alive, 1.0, AFTERGLOW))
    return life


def walk(rng: np.random.Generator, driver: Driver, months: int, joined: Ints) -> States:
    """Draw the driver's states, months × customers; it is quiet until the customer's first month."""
    states = np.zeros((months, len(joined)), dtype=np.int8)
    states[joined, np.arange(len(joined))] = rng.random(len(joined)) < driver.first
    heads = np.cumsum(driver.moves, axis=1)[:, :2]
    for month in range(1, months):
        drawn = rng.random(len(joined))
        following = (drawn[:, None] > heads[states[month - 1]]).sum(axis=1)
        states[month] = np.where(month > joined, following, states[month])
    return states


def rates(mark: Mark, states: dict[str, States]) -> Floats:
    """Return how often the mark is expected in each month."""
    rate = np.full(next(iter(states.values())).shape, mark.rate)
    for family, factors in mark.by.items():
        rate *= np.asarray(factors)[states[family]]
    return rate


def _decide(rng: np.random.Generator, life: Lives) -> None:
    """Let customers leave, silently, at the start of a month; contracts end and are renewed in it."""
    n = len(life.joined)
    staying, contracted = np.ones(n, dtype=bool), rng.random(n) < CONTRACTED
    for month in range(len(life.alive)):
        life.in_force[month] = contracted & (month >= life.joined)
        due = life.due(month, now=month)
        hazard = USUAL_HAZARD + life.newcomer_hazard(month) + CONTRACT_END_HAZARD * due
        for driver in LEAVING:
            hazard = hazard + np.asarray(driver.hazard)[life.states[driver.family][month]]
        staying &= (rng.random(n) >= -np.expm1(-hazard)) | (month <= life.joined)
        life.alive[month] = staying
        life.renewed[month] = due & (rng.random(n) < np.where(staying, RENEWS, RENEWS_THOUGH_GONE))
        contracted = contracted & (~due | life.renewed[month])

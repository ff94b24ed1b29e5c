"""The churn process: month by month, the hidden states of each buyer, whether it stays, and how often it orders."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rapport.history.simulate.calendar import Calendar, Flags, Floats, Ints
from rapport.history.simulate.drivers import (
    ACTIVITY_AFTER_CHURN,
    BASE_HAZARD,
    CHURN_DRIVERS,
    CONTRACT_END_HAZARD,
    CONTRACTED,
    CUSTOMER_EVENT_RATES,
    NEWCOMER_HAZARD,
    NEWCOMER_MONTHS,
    RENEWAL_RATE,
    RENEWAL_RATE_AFTER_CHURN,
    RHYTHM_FACTORS,
    Driver,
    EventRate,
)

States = NDArray[np.int8]


@dataclass(frozen=True)
class BuyerProcess:
    """The true course of each buyer; arrays are months × buyers.

    ``states`` has one such array for each family of ``CHURN_DRIVERS``. ``alive`` marks who has not churned,
    ``in_force`` who enters a month with a contract, ``renewed`` who renews in it. ``orders`` and ``events`` are
    counts, ``expected`` are the event rates of a buyer that has not churned.
    """

    joined: Ints
    order_rate: Floats
    states: dict[str, States]
    alive: Flags
    in_force: Flags
    renewed: Flags
    orders: Ints
    events: dict[str, Ints] = field(default_factory=dict)
    expected: dict[str, Floats] = field(default_factory=dict)

    def due(self, month: int, now: int) -> Flags:
        """Return which contracts in force at the start of month ``now`` end in ``month``."""
        age = month - self.joined
        return np.asarray(self.in_force[now] & (age > 0) & (age % 12 == 0))

    def newcomer_hazard(self, month: int) -> Floats:
        """Return the part of the churn hazard that decays in a buyer's first year."""
        return NEWCOMER_HAZARD * np.exp(-np.maximum(month - self.joined, 0) / NEWCOMER_MONTHS)


def simulate_buyers(rng: np.random.Generator, calendar: Calendar, joined: Ints) -> BuyerProcess:
    """Simulate buyers with a first order in month ``joined`` to the end of the calendar."""
    months, n = calendar.months, len(joined)
    states = {each.family: simulate_chain(rng, each, months, joined) for each in CHURN_DRIVERS}
    order_rate = np.clip(rng.lognormal(np.log(0.75), 0.9, n), 0.1, 6.0)
    alive, in_force, renewed = np.zeros((3, months, n), dtype=bool)
    buyers = BuyerProcess(
        joined, order_rate, states, alive, in_force, renewed, orders=np.zeros((months, n), dtype=np.int64)
    )
    _simulate_churn(rng, buyers)
    present = np.arange(months)[:, None] >= joined[None, :]
    rate = order_rate * RHYTHM_FACTORS[states["rhythm"]] * calendar.season[:months, None]
    buyers.orders[:] = rng.poisson(rate * (buyers.alive & present))
    buyers.orders[joined, np.arange(n)] += 1
    activity = rng.lognormal(0.0, 0.25, n)
    for event in CUSTOMER_EVENT_RATES:
        buyers.expected[event.name] = monthly_rates(event, states) * activity * present
        buyers.events[event.name] = rng.poisson(
            buyers.expected[event.name] * np.where(buyers.alive, 1.0, ACTIVITY_AFTER_CHURN)
        )
    return buyers


def simulate_chain(rng: np.random.Generator, driver: Driver, months: int, joined: Ints) -> States:
    """Draw the driver's states, months × customers; it is quiet until the customer's first month."""
    states = np.zeros((months, len(joined)), dtype=np.int8)
    states[joined, np.arange(len(joined))] = rng.random(len(joined)) < driver.first
    heads = np.cumsum(driver.transitions, axis=1)[:, :2]
    for month in range(1, months):
        drawn = rng.random(len(joined))
        following = (drawn[:, None] > heads[states[month - 1]]).sum(axis=1)
        states[month] = np.where(month > joined, following, states[month])
    return states


def monthly_rates(event: EventRate, states: dict[str, States]) -> Floats:
    """Return how often the mark is expected in each month."""
    rate = np.full(next(iter(states.values())).shape, event.rate)
    for family, factors in event.by.items():
        rate *= np.asarray(factors)[states[family]]
    return rate


def _simulate_churn(rng: np.random.Generator, buyers: BuyerProcess) -> None:
    """Let customers leave, silently, at the start of a month; contracts end and are renewed in it."""
    n = len(buyers.joined)
    staying, contracted = np.ones(n, dtype=bool), rng.random(n) < CONTRACTED
    for month in range(len(buyers.alive)):
        buyers.in_force[month] = contracted & (month >= buyers.joined)
        due = buyers.due(month, now=month)
        hazard = BASE_HAZARD + buyers.newcomer_hazard(month) + CONTRACT_END_HAZARD * due
        for driver in CHURN_DRIVERS:
            hazard = hazard + np.asarray(driver.hazard)[buyers.states[driver.family][month]]
        staying &= (rng.random(n) >= -np.expm1(-hazard)) | (month <= buyers.joined)
        buyers.alive[month] = staying
        buyers.renewed[month] = due & (rng.random(n) < np.where(staying, RENEWAL_RATE, RENEWAL_RATE_AFTER_CHURN))
        contracted = contracted & (~due | buyers.renewed[month])

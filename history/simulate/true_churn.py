"""The true probability of no order in the next 12 months, and its drivers, in closed form.

The observer knows every hidden state, rate and hazard, and sees orders and contacts; only whether a customer has
churned is hidden from it. With additive hazards and independent chains the expectation over all futures is a product
over drivers, so no future has to be simulated:
``P(no order) = 1 - alive * Σ_k c_k (B_k - A_k)``, where ``c_k`` is the probability that no hazard but the
rhythm's ends the relation up to month k, and ``B_k - A_k`` that the first order comes in month k.
"""

from dataclasses import dataclass

import numpy as np

from rapport.history.simulate.calendar import HORIZON, Calendar, Floats
from rapport.history.simulate.churn_process import BuyerProcess
from rapport.history.simulate.drivers import (
    ACTIVITY_AFTER_CHURN,
    BASE_HAZARD,
    CHURN_DRIVERS,
    CONTRACT_END_HAZARD,
    LOW_ORDER_RATE,
    RENEWAL_RATE,
    RENEWAL_RATE_AFTER_CHURN,
    RHYTHM_FACTORS,
    Driver,
)

# A family's share is the decrease of the log-odds if that family alone were, and stayed, in its quiet state.
FAMILIES = (*(driver.family for driver in CHURN_DRIVERS), "contract", "tenure", "recency", "frequency")
RHYTHM = next(driver for driver in CHURN_DRIVERS if driver.family == "rhythm")
EPSILON = 1e-9


@dataclass(frozen=True)
class ChurnChances:
    """Probabilities of no order: one per customer, and one per family with that family quiet (families × n).

    ``alive`` is the probability that a customer has not left yet, whatever it does later: only then can a contact help.
    """

    probability: Floats
    without: Floats
    alive: Floats


class Observer:
    """A forward filter over the months: the probability that each customer has not churned, given its events."""

    def __init__(self, calendar: Calendar, buyers: BuyerProcess) -> None:
        self._calendar, self._buyers = calendar, buyers
        self._alive = np.ones((len(FAMILIES) + 1, len(buyers.joined)))
        self._likelihood_ratio = _activity_likelihood_ratio(buyers)

    def update(self, month: int) -> None:
        """Update the filter with the events of a month."""
        buyers = self._buyers
        hazard, chains = self._hazards(month)
        stays = self._alive * np.exp(-(hazard - chains))
        rate = buyers.order_rate * self._calendar.season[month] * RHYTHM_FACTORS[buyers.states["rhythm"][month]]
        active, churned = stays * np.exp(-rate), (1 - stays) * np.exp(self._likelihood_ratio[month])
        seen = (buyers.orders[month] > 0) | (month <= buyers.joined)
        self._alive = np.where(seen, 1.0, active / np.maximum(active + churned, EPSILON))

    def _hazards(self, month: int) -> tuple[Floats, Floats]:
        """Return this month's hazard, and the part of each family in it, after a row of zeros for the total."""
        buyers = self._buyers
        lost = np.zeros((len(FAMILIES) + 1, len(buyers.joined)))
        for row, driver in enumerate(CHURN_DRIVERS, start=1):
            lost[row] = np.asarray(driver.hazard)[buyers.states[driver.family][month]]
        lost[FAMILIES.index("contract") + 1] = CONTRACT_END_HAZARD * buyers.due(month, now=month)
        lost[FAMILIES.index("tenure") + 1] = buyers.newcomer_hazard(month)
        return lost.sum(axis=0) + BASE_HAZARD, lost

    def chances(self, month: int) -> ChurnChances:
        """Return the probabilities at the start of ``month``."""
        others, without = self._survival_of_others(month)
        state = self._buyers.states["rhythm"][month - 1]
        first = self._first_orders(month, state, self._buyers.order_rate)
        calm = self._first_orders(month, np.zeros_like(state), self._buyers.order_rate)
        often = self._first_orders(month, state, np.maximum(self._buyers.order_rate, LOW_ORDER_RATE))
        ordering = {"rhythm": calm, "frequency": often}
        buys = np.stack(
            [(others * without.get(each, 1.0) * ordering.get(each, first)).sum(axis=0) for each in FAMILIES]
        )
        alive = self._alive[1:].copy()
        alive[FAMILIES.index("recency")] = 1.0
        chance = 1 - self._alive[0] * (others * first).sum(axis=0)
        return ChurnChances(chance, 1 - alive * buys, self._alive[0].copy())

    def _survival_of_others(self, month: int) -> tuple[Floats, dict[str, Floats]]:
        """Return c_k (horizon × n) of all hazards but the rhythm's, and the factor that removes each family from it."""
        without: dict[str, Floats] = {}
        ahead = range(month, month + HORIZON)
        newcomer = np.cumsum([self._buyers.newcomer_hazard(each) for each in ahead], axis=0)
        ends = np.cumsum([CONTRACT_END_HAZARD * self._buyers.due(each, now=month) for each in ahead], axis=0)
        without["contract"], without["tenure"] = np.exp(ends), np.exp(newcomer)
        usual = BASE_HAZARD * np.arange(1, HORIZON + 1)[:, None]
        others = np.exp(-(usual + newcomer + ends))
        for driver in CHURN_DRIVERS:
            if driver is not RHYTHM:
                survival = _survival(driver)
                now = survival[:, self._buyers.states[driver.family][month - 1]]
                others = others * now
                without[driver.family] = survival[:, :1] / now
        return others, without

    def _first_orders(self, month: int, state: Floats, order_rate: Floats) -> Floats:
        """Return B_k - A_k: the probability that the first order comes k months ahead, given the rhythm alone."""
        chances = np.eye(3)[state]
        found = np.empty((HORIZON, len(order_rate)))
        for step in range(HORIZON):
            chances = (chances @ RHYTHM.transitions) * np.exp(-np.asarray(RHYTHM.hazard))
            silent = np.exp(-order_rate[:, None] * self._calendar.season[month + step] * RHYTHM_FACTORS)
            found[step] = (chances * (1 - silent)).sum(axis=1)
            chances = chances * silent
        return found


def driver_shares(chance: ChurnChances) -> Floats:
    """Return each family's share of the increase of the log-odds (families × n); columns sum to 1, or are 0."""
    gain = np.maximum(_logit(chance.probability) - _logit(chance.without), 0.0)
    total = gain.sum(axis=0)
    return gain / np.where(total > 0, total, 1.0)


def _survival(driver: Driver) -> Floats:
    """Return the survival of this driver for k months (rows) from each state (columns)."""
    chance, rows = np.ones(3), []
    step = driver.transitions * np.exp(-np.asarray(driver.hazard))
    for _ in range(HORIZON):
        chance = step @ chance
        rows.append(chance)
    return np.stack(rows)


def _activity_likelihood_ratio(buyers: BuyerProcess) -> Floats:
    """Return the log likelihood ratio of each month's events: churned against not churned."""
    seen = np.sum(list(buyers.events.values()), axis=0)
    expected = np.sum(list(buyers.expected.values()), axis=0)
    due = np.stack([buyers.due(month, now=month) for month in range(len(seen))])
    not_renewed = np.log((1 - RENEWAL_RATE_AFTER_CHURN) / (1 - RENEWAL_RATE))
    contract = np.where(buyers.renewed, np.log(RENEWAL_RATE_AFTER_CHURN / RENEWAL_RATE), not_renewed)
    return np.asarray(seen * np.log(ACTIVITY_AFTER_CHURN) + expected * (1 - ACTIVITY_AFTER_CHURN) + due * contract)


def _logit(probability: Floats) -> Floats:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))

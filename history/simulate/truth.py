"""The true chance of no order in the next 12 months, and what drives it, in closed form.

The observer of this truth knows every hidden state, rate and hazard, and sees orders and contacts; the one
thing it cannot see is whether a customer has silently gone. With additive hazards and independent chains the
expectation over all futures is a product over drivers, so no continuation has to be simulated:
``P(no order) = 1 - alive * Σ_k c_k (B_k - A_k)``, where ``c_k`` is the chance that nothing but the rhythm makes
the customer leave up to month k, and ``B_k - A_k`` that its first order comes in month k.
"""

from dataclasses import dataclass

import numpy as np
from rapport.history.simulate.clock import HORIZON, Calendar, Floats
from rapport.history.simulate.drivers import (
    AFTERGLOW,
    CONTRACT_END_HAZARD,
    LEAVING,
    RARE_ORDERS,
    RENEWS,
    RENEWS_THOUGH_GONE,
    RHYTHM_PACE,
    USUAL_HAZARD,
    Driver,
)
from rapport.history.simulate.life import Lives

# Each family's share is what the log-odds lose when that family alone had been, and stays, quiet.
FAMILIES = (*(driver.family for driver in LEAVING), "contract", "tenure", "recency", "frequency")
RHYTHM = next(driver for driver in LEAVING if driver.family == "rhythm")
MOST_SURE = 1e-9


@dataclass(frozen=True)
class Chance:
    """Probabilities of no order, one for each customer, and one for each family taken away (families × n)."""

    probability: Floats
    without: Floats


class Observer:
    """Goes through the months once, keeping how likely each customer is still there."""

    def __init__(self, calendar: Calendar, life: Lives) -> None:
        self._calendar, self._life = calendar, life
        self._alive = np.ones((len(FAMILIES) + 1, len(life.joined)))
        self._hints = _hints_of_leaving(life)

    def watch(self, month: int) -> None:
        """Take in what was seen in that month."""
        life = self._life
        hazard, chains = self._hazards(month)
        stays = self._alive * np.exp(-(hazard - chains))
        rate = life.pace * self._calendar.season[month] * RHYTHM_PACE[life.states["rhythm"][month]]
        here, gone = stays * np.exp(-rate), (1 - stays) * np.exp(self._hints[month])
        seen = (life.orders[month] > 0) | (month <= life.joined)
        self._alive = np.where(seen, 1.0, here / np.maximum(here + gone, MOST_SURE))

    def _hazards(self, month: int) -> tuple[Floats, Floats]:
        """Return this month's hazard, and for every family (after the zero of "all") the part it would lose."""
        life = self._life
        lost = np.zeros((len(FAMILIES) + 1, len(life.joined)))
        for row, driver in enumerate(LEAVING, start=1):
            lost[row] = np.asarray(driver.hazard)[life.states[driver.family][month]]
        lost[FAMILIES.index("contract") + 1] = CONTRACT_END_HAZARD * life.due(month, now=month)
        lost[FAMILIES.index("tenure") + 1] = life.newcomer_hazard(month)
        return lost.sum(axis=0) + USUAL_HAZARD, lost

    def ahead(self, month: int) -> Chance:
        """Return the chances as they stand at the first instant of ``month``."""
        others, without = self._staying(month)
        state = self._life.states["rhythm"][month - 1]
        first = self._first_orders(month, state, self._life.pace)
        calm = self._first_orders(month, np.zeros_like(state), self._life.pace)
        often = self._first_orders(month, state, np.maximum(self._life.pace, RARE_ORDERS))
        ordering = {"rhythm": calm, "frequency": often}
        buys = np.stack(
            [(others * without.get(each, 1.0) * ordering.get(each, first)).sum(axis=0) for each in FAMILIES]
        )
        alive = self._alive[1:].copy()
        alive[FAMILIES.index("recency")] = 1.0
        return Chance(1 - self._alive[0] * (others * first).sum(axis=0), 1 - alive * buys)

    def _staying(self, month: int) -> tuple[Floats, dict[str, Floats]]:
        """Return c_k (horizon × n) of all hazards but the rhythm's, and each family's factor to take out of it."""
        without: dict[str, Floats] = {}
        ahead = range(month, month + HORIZON)
        newcomer = np.cumsum([self._life.newcomer_hazard(each) for each in ahead], axis=0)
        ends = np.cumsum([CONTRACT_END_HAZARD * self._life.due(each, now=month) for each in ahead], axis=0)
        without["contract"], without["tenure"] = np.exp(ends), np.exp(newcomer)
        usual = USUAL_HAZARD * np.arange(1, HORIZON + 1)[:, None]
        others = np.exp(-(usual + newcomer + ends))
        for driver in LEAVING:
            if driver is not RHYTHM:
                survival = _survival(driver)
                now = survival[:, self._life.states[driver.family][month - 1]]
                others = others * now
                without[driver.family] = survival[:, :1] / now
        return others, without

    def _first_orders(self, month: int, state: Floats, pace: Floats) -> Floats:
        """Return B_k - A_k: the chance that the first order comes k months ahead, as far as the rhythm goes."""
        chances = np.eye(3)[state]
        found = np.empty((HORIZON, len(pace)))
        for step in range(HORIZON):
            chances = (chances @ RHYTHM.moves) * np.exp(-np.asarray(RHYTHM.hazard))
            silent = np.exp(-pace[:, None] * self._calendar.season[month + step] * RHYTHM_PACE)
            found[step] = (chances * (1 - silent)).sum(axis=1)
            chances = chances * silent
        return found


def shares_of(chance: Chance) -> Floats:
    """Return each family's share of what raises the log-odds, families × n; columns sum to 1 (or are 0)."""
    gain = np.maximum(_logit(chance.probability) - _logit(chance.without), 0.0)
    total = gain.sum(axis=0)
    return gain / np.where(total > 0, total, 1.0)


def _survival(driver: Driver) -> Floats:
    """Return the chance of not leaving through this driver for k months (rows) from each state (columns)."""
    chance, rows = np.ones(3), []
    step = driver.moves * np.exp(-np.asarray(driver.hazard))
    for _ in range(HORIZON):
        chance = step @ chance
        rows.append(chance)
    return np.stack(rows)


def _hints_of_leaving(life: Lives) -> Floats:
    """Return for each month the log likelihood ratio of what was seen: gone against still here."""
    seen = np.sum(list(life.marks.values()), axis=0)
    expected = np.sum(list(life.expected.values()), axis=0)
    due = np.stack([life.due(month, now=month) for month in range(len(seen))])
    refused = np.log((1 - RENEWS_THOUGH_GONE) / (1 - RENEWS))
    contract = np.where(life.renewed, np.log(RENEWS_THOUGH_GONE / RENEWS), refused)
    return np.asarray(seen * np.log(AFTERGLOW) + expected * (1 - AFTERGLOW) + due * contract)


def _logit(probability: Floats) -> Floats:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))

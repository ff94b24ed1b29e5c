"""BG/NBD with gamma-gamma: how many orders are to be expected within a horizon, and what one is worth.

Sources: Fader, Hardie & Lee (2005), "Counting your customers" the easy way, eq. 10; Fader & Hardie (2013), the
gamma-gamma model of monetary value. Order days are counted: two orders on one day are one decision.
"""

from dataclasses import dataclass

import numpy as np

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import ORDERS, SINCE_FIRST, SINCE_LAST, BgNbdMember

SPEND_EVER, RETURNED = "spend_sum_ever", "returned_share_365d"
NEEDED = (ORDERS, SINCE_LAST, SINCE_FIRST, SPEND_EVER)
_MAX_TERMS, _PRECISION = 2_000, 1e-12


@dataclass(frozen=True)
class GammaGamma:
    """Parameters of both models: an order day's value is gamma(p, ν) distributed, and ν gamma(q, scale)."""

    p: float
    q: float
    scale: float
    r: float
    alpha: float
    a: float
    b: float
    horizon_days: float
    season: float = 1.0

    def spend_if_retained(self, rows: Matrix) -> Floats:
        """Return the spend within the horizon of customers who place at least one order; nan without orders."""
        return np.asarray(self.expected_spend(rows) / np.maximum(1.0 - self._silent(rows), 1e-6))

    def expected_spend(self, rows: Matrix) -> Floats:
        """Return the spend within the horizon, customers who leave included; nan without orders."""
        orders, _, _ = self._orders(rows)
        spent = np.maximum(rows.column(SPEND_EVER), 0.0)
        value = self.p * (self.scale + spent) / (self.p * orders + self.q - 1.0)
        kept = 1.0 - np.nan_to_num(rows.column(RETURNED)) if RETURNED in rows.positions else 1.0
        return np.asarray(self.expected_orders(rows) * value * np.clip(kept, 0.0, 1.0))

    def expected_orders(self, rows: Matrix) -> Floats:
        """Return the number of order days within the horizon."""
        orders, last, age = self._orders(rows)
        repeats, days = orders - 1.0, self.horizon_days * self.season
        shape, other = self.r + repeats, self.a + self.b + repeats - 1.0
        shrunk = ((self.alpha + age) / (self.alpha + age + days)) ** shape
        series = _hypergeometric(shape, self.b + repeats, other, days / (self.alpha + age + days))
        gone = self.a / (self.b + np.maximum(repeats, 1.0) - 1.0)
        gone = np.where(repeats > 0, gone * ((self.alpha + age) / (self.alpha + last)) ** shape, 0.0)
        return np.asarray(np.maximum(other / (self.a - 1.0) * (1.0 - shrunk * series) / (1.0 + gone), 0.0))

    def _silent(self, rows: Matrix) -> Floats:
        member = BgNbdMember("", self.r, self.alpha, self.a, self.b, self.horizon_days, self.season)
        logit = member.logit(*(rows.column(name) for name in (ORDERS, SINCE_LAST, SINCE_FIRST)))
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    @staticmethod
    def _orders(rows: Matrix) -> tuple[Floats, Floats, Floats]:
        orders, age = np.maximum(rows.column(ORDERS), 1.0), np.maximum(rows.column(SINCE_FIRST), 0.0)
        return orders, np.clip(age - rows.column(SINCE_LAST), 0.0, age), age


def _hypergeometric(a: Floats, b: Floats, c: Floats, z: Floats) -> Floats:
    """Return Gauss's hypergeometric function for 0 ≤ z < 1 by its series; SciPy takes long to import."""
    total, term = np.ones_like(z), np.ones_like(z)
    for step in range(_MAX_TERMS):
        term = term * (a + step) * (b + step) / ((c + step) * (step + 1.0)) * z
        total = total + term
        if not (np.abs(term) > _PRECISION * np.abs(total)).any():
            break
    return total

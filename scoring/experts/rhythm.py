"""The rhythm of orders: BG/NBD's chance that no order comes within the horizon."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from rapport.scoring.experts import Reading
from rapport.scoring.matrix import Floats, Matrix

KIND = "rhythm"
ORDERS, SINCE_LAST, SINCE_FIRST = "order_days_count_ever", "days_since_last_order", "first_order_days_ago"

# Log-odds that add nothing beside any others.
NEVER = -1e6


@dataclass(frozen=True)
class Rhythm:
    """BG/NBD (Fader, Hardie & Lee 2005) read as "no order within ``horizon_days``".

    Not P(alive): the two rank customers differently, and only the chance of an order within the horizon is what was
    asked. ``season`` stretches the horizon where its months are busier (>1) or quieter (<1) than the year's average;
    ``bound`` holds the log-odds, for no pattern of orders is as sure as the formula becomes after many of them.
    """

    name: str
    r: float
    alpha: float
    a: float
    b: float
    horizon_days: float
    season: float = 1.0
    orders: str = ORDERS
    bound: float = 8.0
    mean: float = 0.0

    is_card = False

    def logit(self, orders: Floats, since_last: Floats, since_first: Floats) -> Floats:
        """Give the log-odds of no order within the horizon; orders and days must be known.

        With x repeat orders, the last at age t of age T, a customer still there is silent for h days with chance
        q = ((alpha+T)/(alpha+T+h))^(r+x), and one who left after the last order is silent for certain. With the odds
        D of having left, P = (D + q)/(1 + D) and 1 - P = (1 - q)/(1 + D), so the log-odds are log(D + q) - log(1 - q):
        no difference of near numbers anywhere.
        """
        repeats = np.maximum(orders - 1.0, 0.0)
        age = np.maximum(since_first, 0.0)
        last = np.clip(age - since_last, 0.0, age)
        shape = self.r + repeats
        silent = shape * (np.log(self.alpha + age) - np.log(self.alpha + age + self.horizon_days * self.season))
        waited = shape * (np.log(self.alpha + age) - np.log(self.alpha + last))
        # Nobody leaves before a second order in this model; the guard keeps the unused branch finite.
        left = np.log(self.a) - np.log(self.b + np.maximum(repeats, 1.0) - 1.0) + waited
        left = np.where(repeats > 0, left, NEVER)
        return np.asarray(np.logaddexp(left, silent) - np.log(-np.expm1(silent)))

    def read(self, rows: Matrix) -> Reading:
        """Say the log-odds; all of it is evidence of the family "rhythm"."""
        return Reading(self.mean, None, {KIND: self._known(rows, self.mean) - self.mean})

    def centred_on(self, rows: Matrix) -> "Rhythm":
        """Give the same model, centred on ``rows``; a customer without orders then says nothing."""
        said = self._known(rows, np.nan)
        return replace(self, mean=float(said[~np.isnan(said)].mean()) if (~np.isnan(said)).any() else 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""
        return {"kind": KIND} | asdict(self)

    def files(self) -> dict[str, str]:
        """Give no file: the model is a handful of numbers."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Rhythm":
        """Read what ``to_dict`` wrote."""
        return cls(**{name: value for name, value in stored.items() if name != "kind"})

    def _known(self, rows: Matrix, otherwise: float) -> Floats:
        given = np.stack([rows.number(self.orders), rows.number(SINCE_LAST), rows.number(SINCE_FIRST)])
        told = ~np.isnan(given).any(axis=0)
        said = np.clip(self.logit(*np.where(told, given, 1.0)), -self.bound, self.bound)
        return np.where(told, said, otherwise)

"""BG/NBD: the probability that a customer places no order within the horizon."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.member import Contributions

# The stored kind of this member, and the feature family that its contributions belong to.
KIND = "rhythm"
ORDERS, SINCE_LAST, SINCE_FIRST = "order_days_count_ever", "days_since_last_order", "first_order_days_ago"

# Log-odds of an impossible event; logaddexp ignores it beside any finite term.
NEVER = -1e6


@dataclass(frozen=True)
class BgNbdMember:
    """BG/NBD (Fader, Hardie & Lee 2005), used to predict "no order within ``horizon_days``".

    It is not P(alive): the two rank customers differently, and the target is an order within the horizon. ``season``
    stretches the horizon where its months are busier (>1) or quieter (<1) than the year's average. ``bound`` limits the
    log-odds, because the formula becomes overconfident after many orders.
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
        """Return the log-odds of no order within the horizon; orders and days must be known.

        With x repeat orders, the last at age t of age T, an active customer stays silent for h days with probability
        q = ((alpha+T)/(alpha+T+h))^(r+x); one who dropped out after the last order is silent with certainty. With the
        odds D of having dropped out, P = (D + q)/(1 + D) and 1 - P = (1 - q)/(1 + D), so the log-odds are
        log(D + q) - log(1 - q), without any difference of nearly equal numbers.
        """
        repeats = np.maximum(orders - 1.0, 0.0)
        age = np.maximum(since_first, 0.0)
        last = np.clip(age - since_last, 0.0, age)
        shape = self.r + repeats
        silent = shape * (np.log(self.alpha + age) - np.log(self.alpha + age + self.horizon_days * self.season))
        waited = shape * (np.log(self.alpha + age) - np.log(self.alpha + last))
        # In this model nobody drops out before a second order; the maximum keeps the unused branch finite.
        dropped_out = np.log(self.a) - np.log(self.b + np.maximum(repeats, 1.0) - 1.0) + waited
        dropped_out = np.where(repeats > 0, dropped_out, NEVER)
        return np.asarray(np.logaddexp(dropped_out, silent) - np.log(-np.expm1(silent)))

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the log-odds; all of it is evidence of the family "rhythm"."""
        return Contributions(self.mean, None, {KIND: self._logit_or(rows, self.mean) - self.mean})

    def centred_on(self, rows: Matrix) -> "BgNbdMember":
        """Return the same model centred on ``rows``; a customer without orders then contributes nothing."""
        logit = self._logit_or(rows, np.nan)
        return replace(self, mean=float(logit[~np.isnan(logit)].mean()) if (~np.isnan(logit)).any() else 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""
        return {"kind": KIND} | asdict(self)

    def files(self) -> dict[str, str]:
        """Return no file: the model is a handful of numbers."""
        return {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "BgNbdMember":
        """Load what ``to_dict`` returned."""
        return cls(**{name: value for name, value in stored.items() if name != "kind"})

    def _logit_or(self, rows: Matrix, default: float) -> Floats:
        values = np.stack([rows.column(self.orders), rows.column(SINCE_LAST), rows.column(SINCE_FIRST)])
        known = ~np.isnan(values).any(axis=0)
        logit = np.clip(self.logit(*np.where(known, values, 1.0)), -self.bound, self.bound)
        return np.where(known, logit, default)

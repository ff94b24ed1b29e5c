"""Fit BG/NBD by maximum likelihood to every customer with an order, the lapsed included."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import betaln, digamma, gammaln

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.bg_nbd import BgNbdMember

ORDERS, SINCE_LAST, SINCE_FIRST = "order_days_count_ever", "days_since_last_order", "first_order_days_ago"
FEATURES = (ORDERS, SINCE_LAST, SINCE_FIRST)
MAX_CUSTOMERS = 20_000
STARTS = ((0.0, 4.0, 0.0, 0.5), (-0.5, 3.0, -1.0, 1.0))
BOUND = 7.0


def fit_bg_nbd(customers: pa.Table, horizon_days: float) -> BgNbdMember | None:
    """Fit to a snapshot of all customers; None if fewer than ten have ever ordered.

    Source: Fader, Hardie & Lee (2005), "Counting your customers" the easy way, eq. 6.
    Order days are counted, not orders: two orders on one day are one decision.
    """
    orders, since_last, since_first = (
        customers[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in FEATURES
    )
    known = np.flatnonzero(orders >= 1)
    if len(known) < 10:
        return None
    known = known[:: max(1, len(known) // MAX_CUSTOMERS)]
    age = since_first[known]
    patterns, counts = np.unique(
        np.column_stack([orders[known] - 1, np.round(age - since_last[known], 1), np.round(age, 1)]),
        axis=0,
        return_counts=True,
    )
    fits = [
        minimize(_loss, start, args=(patterns, counts), jac=True, method="L-BFGS-B", bounds=[(-BOUND, BOUND + 4)] * 4)
        for start in STARTS
    ]
    r, alpha, a, b = np.exp(min(fits, key=lambda fit: fit.fun).x)
    return BgNbdMember("rhythm", float(r), float(alpha), float(a), float(b), horizon_days, orders=ORDERS)


def _loss(log_parameters: Floats, patterns: Floats, counts: npt.NDArray[np.int64]) -> tuple[float, Floats]:
    """Return the mean negative log-likelihood and its gradient; a faint penalty keeps flat directions from drifting."""
    r, alpha, a, b = np.exp(log_parameters)
    repeats, last, age = patterns.T
    before_last = b + np.maximum(repeats, 1) - 1
    likelihood = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + betaln(a, b + repeats) - betaln(a, b)
    stayed = -(r + repeats) * np.log(alpha + age)
    left = np.where(repeats > 0, np.log(a) - np.log(before_last) - (r + repeats) * np.log(alpha + last), -np.inf)
    either = np.logaddexp(stayed, left)
    gone = np.exp(left - either)
    here = 1 - gone
    both = digamma(a + b) - digamma(a + b + repeats)
    slopes = (
        digamma(r + repeats) - digamma(r) + np.log(alpha) - here * np.log(alpha + age) - gone * np.log(alpha + last),
        r / alpha - (r + repeats) * (here / (alpha + age) + gone / (alpha + last)),
        both + gone / a,
        both + digamma(b + repeats) - digamma(b) - gone / before_last,
    )
    gradient = np.array([counts @ slope for slope in slopes]) / counts.sum() * np.exp(log_parameters)
    loss = float(-(counts * (likelihood + either)).sum() / counts.sum() + 1e-4 * (log_parameters**2).sum())
    return loss, 2e-4 * log_parameters - gradient

"""Fit gamma-gamma: how the value of an order day varies within and among customers."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from rapport.scoring.models.gamma_gamma import NEEDED, SPEND_EVER, GammaGamma
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import ORDERS, BgNbdMember

MIN_CUSTOMERS, MAX_CUSTOMERS = 50, 20_000
BOUND = 8.0
# The mean of the model exists above 1; near to it a single customer would carry it.
SMALLEST_SHAPE = 1.05


def fit_gamma_gamma(rows: Matrix, bg_nbd: BgNbdMember) -> GammaGamma | None:
    """Fit to customers with orders by maximum likelihood; None with too few, or where BG/NBD has no finite mean."""
    if any(name not in rows.positions for name in NEEDED) or abs(bg_nbd.a - 1.0) < 1e-6:
        return None
    orders, spent = rows.column(ORDERS), rows.column(SPEND_EVER)
    known = np.flatnonzero((orders >= 1) & (spent > 0))
    if len(known) < MIN_CUSTOMERS:
        return None
    known = known[:: max(1, len(known) // MAX_CUSTOMERS)]
    unit = float(np.median(spent[known] / orders[known]))
    fit = minimize(
        _loss,
        (0.5, 0.5, 0.5),
        args=(orders[known], spent[known] / orders[known] / unit),
        method="L-BFGS-B",
        bounds=[(-BOUND, BOUND)] * 3,
    )
    p, q, scale = np.exp(fit.x)
    return GammaGamma(
        float(p),
        float(q + SMALLEST_SHAPE),
        float(scale * unit),
        bg_nbd.r,
        bg_nbd.alpha,
        bg_nbd.a,
        bg_nbd.b,
        bg_nbd.horizon_days,
        bg_nbd.season,
    )


def _loss(log_parameters: Floats, orders: Floats, mean: Floats) -> float:
    """Return the mean negative log-likelihood of mean values; a faint penalty keeps flat directions from drifting."""
    p, q, scale = np.exp(log_parameters)
    q += SMALLEST_SHAPE
    within = p * orders
    likelihood = (
        gammaln(within + q)
        - gammaln(within)
        - gammaln(q)
        + q * np.log(scale)
        + (within - 1) * np.log(mean)
        + within * np.log(orders)
        - (within + q) * np.log(scale + orders * mean)
    )
    return float(-likelihood.mean() + 1e-4 * (log_parameters**2).sum())

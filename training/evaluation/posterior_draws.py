"""How far a customer's own probability may be from that of similar customers: draws from the BG/NBD posterior.

Each customer has one outcome, which does not show how probabilities differ among customers with the same score, but
many orders. BG/NBD learns from them how customers differ in order rate and dropout, so the rates of one customer,
given its orders, can be drawn: uncertain with a single order, nearly certain with thirty.
"""

import numpy as np

from rapport.scoring.models.blend import logit_of
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import SINCE_FIRST, SINCE_LAST, BgNbdMember

DRAWS = 60
# Share of draws in which it is known whether the customer has already churned. No history contains that: chosen on
# simulated companies, where the truth is known (docs/decisions/intervals-from-order-behaviour.md).
KNOWN_CHURNED = 1 / 8
EDGE = 1e-9


def draw_deviations(bg_nbd: BgNbdMember, matrix: Matrix, *, seed: int = 0) -> Floats:
    """Draw deviations of own probabilities from BG/NBD's, in log-odds: draws × rows, 0 where orders are unknown."""
    known = np.flatnonzero(~np.isnan(np.stack([matrix.column(name) for name in _feature_names(bg_nbd)])).any(axis=0))
    deviations = np.zeros((DRAWS, len(matrix)))
    probabilities = _own_probabilities(bg_nbd, matrix.take(known), np.random.default_rng(seed))
    deviations[:, known] = logit_of(probabilities) - logit_of(probabilities.mean(axis=0))
    return deviations


def _own_probabilities(bg_nbd: BgNbdMember, matrix: Matrix, generator: np.random.Generator) -> Floats:
    """Draw probabilities of no order within the horizon from the posterior of each customer's rate and dropout.

    With x repeat orders, the last at age t of age T: if still active, the rate is Gamma(r + x, alpha + T) and the
    dropout Beta(a, b + x); if not, Gamma(r + x, alpha + t) and Beta(a + 1, b + x - 1) (Fader, Hardie & Lee 2005).
    """
    orders, since_last, since_first = (matrix.column(name) for name in _feature_names(bg_nbd))
    repeats, age = np.maximum(orders - 1, 0.0), np.maximum(since_first, 0.0)
    recency = np.clip(since_last, 0.0, age)
    shape, has_repeats = (DRAWS, len(matrix)), repeats > 0
    odds = bg_nbd.a / (bg_nbd.b + np.maximum(repeats, 1) - 1)
    odds = odds * ((bg_nbd.alpha + age) / (bg_nbd.alpha + age - recency)) ** (bg_nbd.r + repeats)
    gone = has_repeats & (generator.random(shape) * (1 + odds) < odds)
    observed_days = np.where(gone, age - recency, age)
    rate = generator.gamma(np.broadcast_to(bg_nbd.r + repeats, shape)) / (bg_nbd.alpha + observed_days)
    dropout = generator.beta(bg_nbd.a + gone, np.where(gone, bg_nbd.b + np.maximum(repeats, 1) - 1, bg_nbd.b + repeats))
    dropout = np.clip(dropout, EDGE, 1 - EDGE)
    dropout_odds = np.where(has_repeats, dropout / (1 - dropout) * np.exp(np.minimum(rate * recency, 500.0)), 0.0)
    retained = np.where(generator.random(shape) < KNOWN_CHURNED, ~gone, 1 / (1 + dropout_odds))
    return np.asarray(np.clip(1 + retained * np.expm1(-rate * bg_nbd.horizon_days * bg_nbd.season), EDGE, 1 - EDGE))


def _feature_names(bg_nbd: BgNbdMember) -> tuple[str, str, str]:
    return bg_nbd.orders, SINCE_LAST, SINCE_FIRST

"""How far one customer's own chance may lie from that of all who look alike, told by how unlike their habits are.

Of an outcome each customer has one, which says nothing of how chances differ among those with one score; of orders it
has many. BG/NBD learns from them how unlike customers are in how often they order and how easily they leave, so what
is still open about one customer's own rates, given its orders, can be drawn: one with a single order may be of any
kind, one with thirty hardly.
"""

import numpy as np
from rapport.scoring.blend import logit_of
from rapport.scoring.experts.rhythm import SINCE_FIRST, SINCE_LAST, Rhythm
from rapport.scoring.matrix import Floats, Matrix

DRAWS = 60
# How often somebody who knows the customer would also know whether it has gone already. No history tells that: chosen
# on invented companies, where the truth is known (docs/decisions/intervals-from-habits.md).
KNOWN_GONE = 1 / 8
EDGE = 1e-9


def own_strays(rhythm: Rhythm, rows: Matrix, *, seed: int = 0) -> Floats:
    """Draw how far own chances stray from the rhythm's, in log-odds: draws x rows, 0 where no order is known."""
    told = np.flatnonzero(~np.isnan(np.stack([rows.number(name) for name in _read(rhythm)])).any(axis=0))
    strays = np.zeros((DRAWS, len(rows)))
    chances = _own_chances(rhythm, rows.take(told), np.random.default_rng(seed))
    strays[:, told] = logit_of(chances) - logit_of(chances.mean(axis=0))
    return strays


def _own_chances(rhythm: Rhythm, rows: Matrix, draw: np.random.Generator) -> Floats:
    """Draw chances of no order within the horizon from the posterior of each customer's rate and readiness to leave.

    With x repeat orders, the last at age t of age T: if still there, the rate is Gamma(r + x, alpha + T) and the
    readiness Beta(a, b + x); if gone, Gamma(r + x, alpha + t) and Beta(a + 1, b + x - 1) (Fader, Hardie & Lee 2005).
    """
    orders, since_last, since_first = (rows.number(name) for name in _read(rhythm))
    repeats, age = np.maximum(orders - 1, 0.0), np.maximum(since_first, 0.0)
    silence = np.clip(since_last, 0.0, age)
    shape, again = (DRAWS, len(rows)), repeats > 0
    odds = rhythm.a / (rhythm.b + np.maximum(repeats, 1) - 1)
    odds = odds * ((rhythm.alpha + age) / (rhythm.alpha + age - silence)) ** (rhythm.r + repeats)
    gone = again & (draw.random(shape) * (1 + odds) < odds)
    seen = np.where(gone, age - silence, age)
    rate = draw.gamma(np.broadcast_to(rhythm.r + repeats, shape)) / (rhythm.alpha + seen)
    ready = draw.beta(rhythm.a + gone, np.where(gone, rhythm.b + np.maximum(repeats, 1) - 1, rhythm.b + repeats))
    ready = np.clip(ready, EDGE, 1 - EDGE)
    left = np.where(again, ready / (1 - ready) * np.exp(np.minimum(rate * silence, 500.0)), 0.0)
    here = np.where(draw.random(shape) < KNOWN_GONE, ~gone, 1 / (1 + left))
    return np.asarray(np.clip(1 + here * np.expm1(-rate * rhythm.horizon_days * rhythm.season), EDGE, 1 - EDGE))


def _read(rhythm: Rhythm) -> tuple[str, str, str]:
    return rhythm.orders, SINCE_LAST, SINCE_FIRST

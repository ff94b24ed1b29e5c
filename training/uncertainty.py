"""How sure a probability is: what sampling leaves open, the level's own error, and what no history shows.

Sampling is measured by refits on halves of the customers: a half strays from the whole as far as the whole does from
the truth. How far a customer's own chance lies from that of all who look alike cannot be seen in outcomes, of which
each customer has one; it was measured once where the truth is known (the invented company) and is taken from there.
"""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np

from scoring.interval import Interval
from scoring.matrix import Floats, Matrix
from training.assembly import Made, votes_of
from training.committee import Making, fit_committee
from training.evaluate import EDGE
from training.level import shift_to
from training.slices import Slices
from training.trial import anchored

HALVES = 3
PLENTY = 60_000
COVERED = 0.9
Z = 1.645
KNOTS = (-6.0, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 3.0, 5.0)
OWN_BELOW = (1.0, 1.25, 1.5, 1.75, 2.05, 2.5, 2.75, 2.35, 1.95, 1.6)
# From even odds on, "has left already" is among the nine in ten: the upper end is certainty.
OWN_ABOVE = (1.5, 1.55, 1.7, 1.8, 1.85, 4.2, 40.0, 40.0, 40.0, 40.0)
BLIND = 0.5
LEVEL_ERROR = 0.1
TENURE = {"churn": "first_order_days_ago", "conversion": "customer_age_days"}
GROUP_LEAST = 60


def interval_of(made: Made, making: Making, plan: Slices, now: Matrix) -> Interval:
    """Return the offsets around the log-odds, by score and by tenure."""
    votes = votes_of(made, tuple(made.committee.said(now)))
    blended = _blended(made.committee.said(now), votes, made.expected)
    sampling = _sampling(made, making, plan, now, blended, votes)
    feature = TENURE[made.question.target]
    edges = _thirds(now, feature)
    group = np.searchsorted(edges, np.nan_to_num(now.number(feature), nan=-np.inf), side="right")
    level = _level_error(made)
    strays = [_at_knots(blended, sampling, group == place) for place in range(len(edges) + 1)]
    return Interval(
        level=COVERED,
        knots=KNOTS,
        below=tuple(_widened(OWN_BELOW, stray, level) for stray in strays),
        above=tuple(_widened(OWN_ABOVE, stray, level) for stray in strays),
        feature=feature if edges else None,
        edges=edges,
    )


def _blended(said: Mapping[str, Floats], votes: Mapping[str, float], expected: float) -> Floats:
    total = np.sum([vote * said[name] for name, vote in votes.items() if name in said], axis=0)
    return anchored(np.asarray(total), expected)


def _sampling(
    made: Made, making: Making, plan: Slices, now: Matrix, blended: Floats, votes: Mapping[str, float]
) -> Floats:
    if len(made.rows) > PLENTY or not making.learnt:
        return np.full(len(now), LEVEL_ERROR if making.learnt else BLIND)
    lean = replace(making, newest=replace(making.newest, seeds=1), many=replace(making.many, seeds=1))
    each = []
    for seed in range(HALVES):
        half = np.array([crc32(f"{seed} {name}".encode()) % 2 == 0 for name in made.rows.ids])
        rows = made.rows.take(np.flatnonzero(half))
        if len(rows.at(plan.newest)) and 0 < rows.label.mean() < 1:
            said = fit_committee(rows, plan, lean, moment=made.question.as_of).said(now)
            each.append(_blended(said, votes, made.expected))
    if not each:
        return np.full(len(now), BLIND)
    return np.asarray(np.sqrt(((np.array(each) - blended) ** 2).mean(axis=0)))


def _at_knots(blended: Floats, sampling: Floats, chosen: Floats) -> Floats:
    """Return the root mean square of the sampling error near each knot; of all rows where the group has few there."""
    overall = float(np.sqrt((sampling**2).mean())) if len(sampling) else BLIND
    found = []
    for knot in KNOTS:
        weight = chosen * np.exp(-0.5 * (blended - knot) ** 2)
        found.append(np.sqrt((weight @ sampling**2 + overall**2) / (weight.sum() + 1)))
    return np.array(found)


def _widened(own: tuple[float, ...], stray: Floats, level: float) -> tuple[float, ...]:
    return tuple(np.sqrt(np.array(own) ** 2 + (Z * stray) ** 2 + (Z * level) ** 2).tolist())


def _level_error(made: Made) -> float:
    """Return how far the expected level lay off on later slices, in log-odds, drawn to what is usual."""
    gaps = [
        shift_to(np.full(1, np.log(part.level / (1 - part.level))), float(part.rows.label.mean()))
        for part in made.trial.judged
        if EDGE < part.level < 1 - EDGE
    ]
    return float(np.sqrt((np.sum(np.square(gaps)) + LEVEL_ERROR**2) / (len(gaps) + 1)))


def _thirds(now: Matrix, feature: str) -> tuple[float, ...]:
    values = now.number(feature) if feature in now.place else np.zeros(0)
    known = values[~np.isnan(values)]
    if len(known) < 3 * GROUP_LEAST:
        return ()
    return tuple(np.unique(np.quantile(known, (1 / 3, 2 / 3))).tolist())

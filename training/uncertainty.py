"""How sure a probability is: what sampling leaves open, the level's own error, and what is open about one customer.

Sampling is measured by refits on halves of the customers: a half strays from the whole as far as the whole does from
the truth. How far one customer's own chance lies from that of all who look alike is drawn from the habits of ordering
(``habits.py``). Leads and contracts have no habits: there it is how far the scores of customers like it moved from one
look to the next (``revisions.py``), and the parts' disagreement is added.
"""

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np
from rapport.scoring.experts.rhythm import Rhythm
from rapport.scoring.interval import Interval
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.assembly import Made, votes_of
from rapport.training.committee import Making, fit_committee
from rapport.training.evaluate import EDGE
from rapport.training.habits import DRAWS, own_strays
from rapport.training.level import shift_to
from rapport.training.revisions import looked_at_twice, steps_of
from rapport.training.rows import Places
from rapport.training.slices import Slices
from rapport.training.trial import anchored
from scipy.special import expit

HALVES = 3
PLENTY = 60_000
COVERED = 0.9
KNOTS = (-6.0, -4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 3.0, 5.0)
NEAR = 0.5
BLIND = 0.5
LEVEL_ERROR = 0.1
TENURE = {"churn": "first_order_days_ago", "conversion": "customer_age_days"}
GROUPS, GROUP_LEAST = 5, 60
# An interval is the narrowest that holds nine in ten; neither end rests on fewer than two in a hundred.
LOW_TAILS = np.linspace(0.02, 1 - COVERED - 0.02, 13)


def interval_of(made: Made, making: Making, plan: Slices, now: Matrix) -> Interval:
    """Return the offsets around the log-odds, by score and by how much is known of a customer."""
    said = made.committee.said(now)
    votes = votes_of(made, tuple(said))
    blended = _blended(said, votes, made.expected)
    rhythm = next((expert for expert in made.committee.experts if isinstance(expert, Rhythm)), None)
    feature = rhythm.orders if rhythm else TENURE[made.question.target]
    edges = _edges(now, feature)
    group = _groups(now, feature, edges)
    own = own_strays(rhythm, now) if rhythm else np.zeros((DRAWS, len(now)))
    apart = 0.0 if rhythm else np.hypot(_disagreement(said), _hidden(made, votes, feature, edges)[group])
    spread = np.sqrt(_sampling(made, making, plan, now, blended, votes) ** 2 + _level_error(made) ** 2 + apart**2)
    strays = own + np.random.default_rng(0).normal(size=own.shape) * spread
    found = [_offsets(blended, strays, np.flatnonzero(group == place)) for place in range(len(edges) + 1)]
    return Interval(
        level=COVERED,
        knots=KNOTS,
        below=tuple(below for below, _ in found),
        above=tuple(above for _, above in found),
        feature=feature if edges else None,
        edges=edges,
    )


def _blended(said: Mapping[str, Floats], votes: Mapping[str, float], expected: float) -> Floats:
    return anchored(_voted(said, votes), expected)


def _voted(said: Mapping[str, Floats], votes: Mapping[str, float]) -> Floats:
    return np.asarray(np.sum([vote * said[name] for name, vote in votes.items() if name in said], axis=0))


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


def _hidden(made: Made, votes: Mapping[str, float], feature: str, edges: tuple[float, ...]) -> Floats:
    """Return for each group of customers how far scores like theirs moved from one look to the next, in log-odds."""
    rows = looked_at_twice(made.rows, PLENTY)
    earlier, moved = steps_of(rows, _voted(made.committee.said(rows.matrix), votes), made.question.horizon_days)
    group = _groups(rows.matrix.take(earlier), feature, edges)
    usual = float(moved.std()) if len(moved) >= GROUP_LEAST else BLIND
    each = [moved[group == place] for place in range(len(edges) + 1)]
    return np.array([float(steps.std()) if len(steps) >= GROUP_LEAST else usual for steps in each])


def _disagreement(said: Mapping[str, Floats]) -> Floats:
    """Return the standard deviation of what the parts say of each customer, the card apart, levels set aside."""
    parts = [values - values.mean() for name, values in said.items() if name != "card"]
    return np.asarray(np.std(parts, axis=0)) if parts else np.zeros(len(next(iter(said.values()))))


def _offsets(blended: Floats, strays: Floats, chosen: Places) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return how far below and above the score nine in ten strays of these customers lie, near each knot."""
    flat = strays[:, chosen].ravel()
    order = np.argsort(flat)
    ranked, owner = flat[order], np.tile(chosen, len(strays))[order]
    below, above = [], []
    for knot in KNOTS:
        far = ((blended - knot) / NEAR) ** 2 / 2
        # The nearest customer weighs 1, so that a knot beyond all scores asks those that come nearest.
        share = np.cumsum(np.exp(far[chosen].min() - far)[owner])
        low, high = _narrowest(ranked, share / share[-1], knot)
        below.append(max(-low, 0.0))
        above.append(max(high, 0.0))
    return tuple(below), tuple(above)


def _narrowest(ranked: Floats, share: Floats, knot: float) -> tuple[float, float]:
    """Return the strays between which nine in ten lie with the fewest points of probability around ``knot``."""
    low = ranked[np.searchsorted(share, LOW_TAILS)]
    high = ranked[np.minimum(np.searchsorted(share, LOW_TAILS + COVERED), len(ranked) - 1)]
    best = int((expit(knot + high) - expit(knot + low)).argmin())
    return float(low[best]), float(high[best])


def _level_error(made: Made) -> float:
    """Return how far the expected level lay off on later slices, in log-odds, drawn to what is usual."""
    gaps = [
        shift_to(np.full(1, np.log(part.level / (1 - part.level))), float(part.rows.label.mean()))
        for part in made.trial.judged
        if EDGE < part.level < 1 - EDGE
    ]
    return float(np.sqrt((np.sum(np.square(gaps)) + LEVEL_ERROR**2) / (len(gaps) + 1)))


def _edges(now: Matrix, feature: str) -> tuple[float, ...]:
    """Return what splits the customers into fifths, or into fewer groups where values repeat."""
    values = now.number(feature) if feature in now.place else np.zeros(0)
    known = values[~np.isnan(values)]
    groups = min(GROUPS, len(known) // GROUP_LEAST)
    if groups < 2:
        return ()
    edges = np.unique(np.quantile(known, np.arange(1, groups) / groups))
    return tuple(edges[edges > known.min()].tolist())


def _groups(now: Matrix, feature: str, edges: tuple[float, ...]) -> Places:
    if not edges:
        return np.zeros(len(now), dtype=np.intp)
    return np.searchsorted(edges, np.nan_to_num(now.number(feature), nan=-np.inf), side="right")

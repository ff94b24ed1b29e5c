"""The weights of the parts and the slope of the whole, fitted on later slices and pulled to equal votes."""

from collections.abc import Mapping, Sequence

import numpy as np
from rapport.scoring.blend import Blend
from rapport.scoring.matrix import Floats
from rapport.training.level import shift_to
from rapport.training.rows import Flags
from rapport.training.size import Size
from rapport.training.trial import Judged, Trial, anchored, first_half
from scipy.optimize import minimize
from scipy.special import expit

# The pull to equal votes: what an earlier opinion worth a few customers with the rarer outcome would do (rows of the
# same customer at several slices are one witness), and a little that no number takes away, for seasons differ. How sure
# the whole is (the sum of the votes) differs more by season than whom to believe.
PULL, PULL_CUSTOMERS, PULL_WHOLE = 0.01, 3, 0.05
CARD_PRIOR = 0.1
NEVER_MIND = 0.01
FULL_TREES, FULL_LINE = 300, 60


def prior(names: Sequence[str], size: Size) -> dict[str, float]:
    """Return the votes before anything was seen: equal, less for what needs many outcomes, little for the card.

    The hazard of contracts steps back as the line comes forward, which hears the same facts and more.
    What counts are the customers who showed the rarer outcome: for the trees of the newest slices, those seen there.
    """
    need = {"newest": FULL_TREES, "many": FULL_TREES, "linear": FULL_LINE}
    seen = {name: size.newest if name == "newest" else size.rarer for name in names}
    votes = {name: seen[name] / max(seen[name] + need.get(name, 0), 1) for name in names}
    if "hazard" in votes and "linear" in votes:
        votes["hazard"] = 1 - votes["linear"]
    if "card" in votes and len(votes) > 1:
        votes["card"] = CARD_PRIOR * sum(vote for name, vote in votes.items() if name != "card")
    whole = sum(votes.values())
    return {name: vote / whole for name, vote in votes.items()}


def weigh(judged: Sequence[Judged], start: Mapping[str, float]) -> dict[str, float]:
    """Fit votes ≥ 0 by log loss, each slice at its own level; ridge to ``start`` keeps them sane on few rows."""
    names = list(start)
    if not judged:
        return dict(start)
    begin = np.array([start[name] for name in names])
    centred = [_centred(part, names) for part in judged]
    labels = [part.rows.label for part in judged]
    levels = [float(np.log(label.mean() / (1 - label.mean()))) for label in labels]
    fit = minimize(
        _loss,
        np.r_[begin, levels],
        args=(centred, labels, begin, PULL + PULL_CUSTOMERS / max(_rarer(judged), 1)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 2.0)] * len(names) + [(-15.0, 15.0)] * len(judged),
    )
    found = dict(zip(names, fit.x.tolist(), strict=False))
    return {name: vote if vote >= NEVER_MIND else 0.0 for name, vote in found.items()}


def blend_of(votes: Mapping[str, float], said: Mapping[str, Floats], level: float) -> Blend:
    """Return the blend of these votes whose mean probability over the rows is ``level``."""
    whole = sum(votes.values())
    if whole <= 0:
        votes, whole = dict.fromkeys(votes, 1.0), float(len(votes))
    total = np.sum([vote * said[name] for name, vote in votes.items()], axis=0)
    weights = {name: vote / whole for name, vote in votes.items()}
    return Blend(weights, slope=whole, intercept=shift_to(total, level))


def told(trial: Trial, start: Mapping[str, float]) -> Floats:
    """Return the blend's log-odds of every row of the trial; one half of the customers sets the votes of the other."""
    halves = [first_half(part.rows.ids) for part in trial.judged]
    votes = [weigh(_kept(trial, halves, side), start) for side in (True, False)]
    parts = []
    for part, half in zip(trial.judged, halves, strict=True):
        by_first, by_second = (_voted(part, each) for each in votes)
        parts.append(anchored(np.where(half, by_second, by_first), part.level))
    return np.concatenate(parts)


def _voted(part: Judged, votes: Mapping[str, float]) -> Floats:
    return np.asarray(np.sum([vote * part.said[name] for name, vote in votes.items()], axis=0))


def _kept(trial: Trial, halves: Sequence[Flags], side: bool) -> list[Judged]:
    kept = []
    for part, half in zip(trial.judged, halves, strict=True):
        chosen = np.flatnonzero(half == side)
        rows = part.rows.take(chosen)
        if len(rows) > 1 and rows.label.min() != rows.label.max():
            kept.append(Judged(part.cutoff, rows, {name: said[chosen] for name, said in part.said.items()}, part.level))
    return kept


def _centred(part: Judged, names: Sequence[str]) -> Floats:
    columns = np.column_stack([part.said[name] for name in names])
    return np.asarray(columns - columns.mean(axis=0))


def _rarer(judged: Sequence[Judged]) -> int:
    """Return how many different customers showed the rarer outcome on later slices."""
    label = np.concatenate([part.rows.label for part in judged])
    ids = np.concatenate([part.rows.ids for part in judged])
    return min(len(set(ids[label == value])) for value in (0.0, 1.0))


def _loss(
    point: Floats, columns: Sequence[Floats], labels: Sequence[Floats], begin: Floats, pull: float
) -> tuple[float, Floats]:
    votes, levels = point[: len(begin)], point[len(begin) :]
    rows = sum(len(label) for label in labels)
    loss, slope = 0.0, np.zeros(len(point))
    for place, (said, label) in enumerate(zip(columns, labels, strict=True)):
        logit = said @ votes + levels[place]
        gap = expit(logit) - label
        loss += float((np.logaddexp(0, logit) - label * logit).sum()) / rows
        slope[: len(begin)] += said.T @ gap / rows
        slope[len(begin) + place] = gap.sum() / rows
    pulled = votes - begin
    whole = float(pulled.sum())
    drawn = np.r_[2 * pull * pulled + 2 * PULL_WHOLE * whole, np.zeros(len(levels))]
    return loss + pull * float(pulled @ pulled) + PULL_WHOLE * whole**2, slope + drawn

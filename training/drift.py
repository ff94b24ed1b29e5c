"""How far today's customers lie from those that a bundle was centred on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapport.scoring import Bundle
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.reference import STEPS
from rapport.training.committee import logits_of
from rapport.training.standing import importance

SLIGHT, LARGE = 0.1, 0.25
PARTS = 10


@dataclass(frozen=True)
class Moved:
    """One thing that is compared: its stability index, and its share of unknown values then and now."""

    name: str
    psi: float
    missing_then: float
    missing_now: float


def features_moved(bundle: Bundle, now: Matrix) -> list[Moved]:
    """Compare every feature with the bundle's reference, the most moved first."""
    found = [_moved(bundle, column, now.number(column.name)) for column in bundle.columns]
    return sorted((each for each in found if each is not None), key=lambda each: -each.psi)


def score_moved(bundle: Bundle, logits: Floats) -> float:
    """Compare the scores with those of the reference population."""
    reference = np.asarray(bundle.reference.logits)
    if not len(reference) or not len(logits):
        return 0.0
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, PARTS + 1)[1:-1]))
    return stability(_counted(reference, edges), _counted(logits, edges), len(logits))


def reasons_moved(bundle: Bundle, now: Matrix) -> list[tuple[str, float, float]]:
    """Return each family's share of the evidence at training and now."""
    then = {each["family"]: float(each["share"]) for each in bundle.evaluation.get("importance", [])}
    today = {each["family"]: float(each["share"]) for each in importance(bundle, now)}
    names = sorted(then | today, key=lambda name: -max(then.get(name, 0.0), today.get(name, 0.0)))
    return [(name, then.get(name, 0.0), today.get(name, 0.0)) for name in names]


def logits_now(bundle: Bundle, now: Matrix) -> Floats:
    """Return the blended log-odds, without reasons."""
    return bundle.blend.logit({expert.name: logits_of(expert, now) for expert in bundle.experts}, len(now))


def stability(then: Floats, now: Floats, count: int) -> float:
    """Return the population stability index of two sets of shares, less what chance alone gives ``count`` rows.

    Half a row keeps the logarithm finite; an index of k parts is about (k - 1) / count where nothing moved.
    """
    least = 0.5 / max(count, 1)
    left, right = np.maximum(then, least), np.maximum(now, least)
    chance = (np.count_nonzero(then) - 1) / max(count, 1)
    return max(float(((right - left) * np.log(right / left)).sum() - chance), 0.0)


def _moved(bundle: Bundle, column: Column, values: Floats) -> Moved | None:
    reference, name = bundle.reference, column.name
    missing_then, missing_now = reference.missing.get(name, 1.0), float(np.isnan(values).mean())
    if missing_then == 1.0 and missing_now == 1.0:
        return None
    known = values[~np.isnan(values)]
    if column.is_category:
        then = np.asarray(reference.shares.get(name, ()), dtype=np.float64)
        now = np.bincount(known.astype(np.int64), minlength=len(then))[: len(then)] / max(len(values), 1)
    else:
        then, now = _shares(reference.quantiles.get(name, ()), known)
        then, now = then * (1 - missing_then), now * (1 - missing_now)
    psi = stability(np.r_[then, missing_then], np.r_[now, missing_now], len(values))
    return Moved(name, psi, missing_then, missing_now)


def _shares(quantiles: Sequence[float], known: Floats) -> tuple[Floats, Floats]:
    """Return the shares of the reference and of today's values between the reference's tenths; ties share a part."""
    if not quantiles:
        return np.zeros(1), np.ones(1)
    tenths = np.asarray(quantiles)[:: (len(STEPS) - 1) // PARTS]
    edges = np.unique(tenths[1:-1])
    # Between its 41 quantiles the reference is even; those points stand for it.
    return _counted(np.asarray(quantiles), edges), _counted(known, edges)


def _counted(values: Floats, edges: Floats) -> Floats:
    places = np.searchsorted(edges, values, side="right")
    return np.asarray(np.bincount(places, minlength=len(edges) + 1) / max(len(values), 1))

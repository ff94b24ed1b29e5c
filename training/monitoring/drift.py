"""How far current customers differ from the reference population of a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rapport.scoring import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.reference import QUANTILE_STEPS
from rapport.training.evaluation.diagnostics import family_importance

SLIGHT, LARGE = 0.1, 0.25
BINS = 10


@dataclass(frozen=True)
class FeatureDrift:
    """The drift of one feature: its PSI, and its share of missing values at training and now."""

    name: str
    psi: float
    missing_then: float
    missing_now: float


def feature_drift(bundle: Bundle, current: Matrix) -> list[FeatureDrift]:
    """Compare every feature with the bundle's reference, by decreasing drift."""
    found = [_feature_drift(bundle, column, current.column(column.name)) for column in bundle.columns]
    return sorted((each for each in found if each is not None), key=lambda each: -each.psi)


def score_drift(bundle: Bundle, logits: Floats) -> float:
    """Compare the scores with those of the reference population."""
    reference = np.asarray(bundle.reference.logits)
    if not len(reference) or not len(logits):
        return 0.0
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    return stability(_bin_shares(reference, edges), _bin_shares(logits, edges), len(logits))


def reason_drift(bundle: Bundle, current: Matrix) -> list[tuple[str, float, float]]:
    """Return each family's share of the evidence at training and now."""
    before = {each["family"]: float(each["share"]) for each in bundle.evaluation.get("importance", [])}
    after = {each["family"]: float(each["share"]) for each in family_importance(bundle, current)}
    names = sorted(before | after, key=lambda name: -max(before.get(name, 0.0), after.get(name, 0.0)))
    return [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in names]


def stability(before: Floats, current: Floats, count: int) -> float:
    """Return the PSI of two sets of shares, less its expectation for ``count`` rows without drift.

    Half a row keeps the logarithm finite; without drift the PSI of k bins is about (k - 1) / count.
    """
    floor = 0.5 / max(count, 1)
    left, right = np.maximum(before, floor), np.maximum(current, floor)
    expected = (np.count_nonzero(before) - 1) / max(count, 1)
    return max(float(((right - left) * np.log(right / left)).sum() - expected), 0.0)


def _feature_drift(bundle: Bundle, column: FeatureColumn, values: Floats) -> FeatureDrift | None:
    reference, name = bundle.reference, column.name
    missing_then, missing_now = reference.missing.get(name, 1.0), float(np.isnan(values).mean())
    if missing_then == 1.0 and missing_now == 1.0:
        return None
    known = values[~np.isnan(values)]
    if column.is_category:
        before = np.asarray(reference.shares.get(name, ()), dtype=np.float64)
        current = np.bincount(known.astype(np.int64), minlength=len(before))[: len(before)] / max(len(values), 1)
    else:
        before, current = _shares(reference.quantiles.get(name, ()), known)
        before, current = before * (1 - missing_then), current * (1 - missing_now)
    psi = stability(np.r_[before, missing_then], np.r_[current, missing_now], len(values))
    return FeatureDrift(name, psi, missing_then, missing_now)


def _shares(quantiles: Sequence[float], known: Floats) -> tuple[Floats, Floats]:
    """Return the shares of the reference and of current values between the reference's deciles; ties share a bin."""
    if not quantiles:
        return np.zeros(1), np.ones(1)
    deciles = np.asarray(quantiles)[:: (len(QUANTILE_STEPS) - 1) // BINS]
    edges = np.unique(deciles[1:-1])
    # The reference's 41 quantiles are equally likely, so they represent it.
    return _bin_shares(np.asarray(quantiles), edges), _bin_shares(known, edges)


def _bin_shares(values: Floats, edges: Floats) -> Floats:
    bin_index = np.searchsorted(edges, values, side="right")
    return np.asarray(np.bincount(bin_index, minlength=len(edges) + 1) / max(len(values), 1))

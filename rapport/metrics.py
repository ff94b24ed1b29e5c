"""Metrics of predicted probabilities, and the one population stability index. NumPy only: serving has no scikit-learn.

Tests hold ranking, loss and calibration metrics to scikit-learn on random data with ties.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 10
DRAWS = 400
PROBABILITY_FLOOR = 1e-6
TOP_SHARE = 0.1
"""The share of customers whose lift is told: the metric ``lift_10``."""
SLIGHT_DRIFT, LARGE_DRIFT = 0.1, 0.25
"""The usual reading of the population stability index: below 0.1 none, above 0.25 a clear shift."""


def auc(label: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the area under the ROC curve; ties count half, nan if only one class occurs."""
    return Ranking(label, values).auc()


def average_precision(label: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the average precision; equal scores share one threshold, nan without the outcome."""
    return Ranking(label, values).average_precision()


class Ranking:
    """Scores sorted once, for metrics of many samples of their rows: a sample is how often each row occurs."""

    def __init__(self, label: npt.ArrayLike, values: npt.ArrayLike) -> None:
        self._positive = (np.asarray(label) == 1).astype(np.float64)
        levels, level = np.unique(-np.asarray(values, dtype=np.float64), return_inverse=True)
        self._levels = len(levels)
        # Sixteen bits are sorted in a tenth of the time.
        self._level = level.astype(np.uint16) if self._levels <= 1 << 16 else level

    def auc(self, counts: npt.NDArray[np.int64] | None = None) -> float:
        """Return the area under the ROC curve of a sample, of all rows by default."""
        hits, rows = self._by_level(counts)
        misses = rows - hits
        positives, negatives = hits.sum(), misses.sum()
        if not positives or not negatives:
            return float("nan")
        # Misses below each level, and half of those in it: whole and half numbers, so the sum is exact.
        beaten = negatives - np.cumsum(misses) + misses / 2
        return float((hits * beaten).sum() / (positives * negatives))

    def average_precision(self, counts: npt.NDArray[np.int64] | None = None) -> float:
        """Return the average precision of a sample, of all rows by default."""
        hits, rows = self._by_level(counts)
        if not hits.any():
            return float("nan")
        occurs = rows > 0
        hits, rows = hits[occurs], rows[occurs]
        return float((hits / hits.sum() * np.cumsum(hits) / np.cumsum(rows)).sum())

    def lift(self, chosen: npt.NDArray[np.int64] | None = None, share: float = TOP_SHARE) -> float:
        """Return the lift of the top ``share`` of chosen rows; of equal scores the first chosen come first."""
        level, positive = self._level, self._positive
        if chosen is not None:
            level, positive = level[chosen], positive[chosen]
        top = np.argsort(level, kind="stable")[: max(1, int(len(level) * share))]
        return float(positive[top].mean() / positive.mean())

    def _by_level(self, counts: npt.NDArray[np.int64] | None) -> tuple[Floats, Floats]:
        """Return the outcomes and the rows of each level, the highest score first."""
        positive = self._positive if counts is None else self._positive * counts
        rows = np.bincount(self._level, counts, minlength=self._levels).astype(np.float64)
        hits: Floats = np.bincount(self._level, positive, minlength=self._levels).astype(np.float64)
        return hits, rows


def lift(label: Floats, probability: Floats, share: float = TOP_SHARE) -> float:
    """Return the outcome rate of the top ``share`` divided by the overall rate."""
    return Ranking(label, probability).lift(share=share)


def log_loss(label: Floats, probability: Floats) -> float:
    """Return the mean log loss in nats."""
    p = np.clip(probability, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))


def brier_score(label: Floats, probability: Floats) -> float:
    """Return the mean squared error."""
    return float(np.mean((label - probability) ** 2))


def calibration_error(label: Floats, probability: Floats) -> float:
    """Return the mean gap between predicted and observed rates over ``BINS`` equal groups of customers."""
    groups = np.array_split(np.argsort(probability, kind="stable"), BINS)
    gaps = [len(each) * abs(label[each].mean() - probability[each].mean()) for each in groups if len(each)]
    return float(sum(gaps) / len(label))


METRICS: Mapping[str, Callable[[Floats, Floats], float]] = {
    "auc": auc,
    "average_precision": average_precision,
    "lift_10": lift,
    "log_loss": log_loss,
    "brier": brier_score,
    "calibration_error": calibration_error,
}


def compute_metrics(label: Floats, probability: Floats) -> dict[str, float]:
    """Return every metric."""
    return {name: metric(label, probability) for name, metric in METRICS.items()}


def paired_bootstrap(
    label: Floats, ours: Floats, theirs: Mapping[str, Floats], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, dict[str, list[float]]]:
    """Return 95 % intervals of the gain in AUC and in log loss on each of ``theirs``, over a bootstrap of customers."""
    generator = np.random.default_rng(seed)
    losses = {name: _likelihood(label, ours) - _likelihood(label, other) for name, other in theirs.items()}
    mine, rankings = Ranking(label, ours), {name: Ranking(label, other) for name, other in theirs.items()}
    gains: dict[str, dict[str, list[float]]] = {name: {"auc": [], "log_loss": []} for name in theirs}
    for _ in range(draws):
        chosen = generator.integers(0, len(label), len(label))
        counts = np.bincount(chosen, minlength=len(label))
        own = mine.auc(counts)
        if np.isnan(own):
            continue
        for name, ranking in rankings.items():
            gains[name]["auc"].append(own - ranking.auc(counts))
            gains[name]["log_loss"].append(float(losses[name][chosen].mean()))
    return {
        name: {each: np.percentile(values, [2.5, 97.5]).tolist() for each, values in found.items() if values}
        for name, found in gains.items()
    }


def _likelihood(label: Floats, probability: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(1 - np.abs(label - probability), PROBABILITY_FLOOR)))


def stability_index(before: npt.ArrayLike, after: npt.ArrayLike, rows: Sequence[float] | None = None) -> float:
    """Return the population stability index (PSI) of two distributions over the same bins, without sampling noise.

    PSI = Σ (after − before) · ln(after / before) over shares. Half a row in an empty bin keeps the logarithm finite,
    and what k bins show without any drift, about (k − 1)(1/rows before + 1/rows after), is subtracted.

    Parameters
    ----------
    before, after : counts or shares of each bin.
    rows : rows behind ``before`` and ``after``, by default their sums; needed for shares, ``inf`` for an exact one.
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    sizes = (float(old.sum()), float(new.sum())) if rows is None else tuple(rows)
    if not old.sum() or not new.sum():
        return 0.0
    left, right = (old / old.sum(), new / new.sum()) if rows is None else (old, new)
    floor = 0.5 / max(min(sizes), 1.0)
    expected = (np.count_nonzero(left) - 1) * sum(1 / max(size, 1.0) for size in sizes)
    left, right = np.maximum(left, floor), np.maximum(right, floor)
    return max(float(((right - left) * np.log(right / left)).sum() - expected), 0.0)

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
SLIGHT_DRIFT, LARGE_DRIFT = 0.1, 0.25
"""The usual reading of the population stability index: below 0.1 none, above 0.25 a clear shift."""


def auc(label: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the area under the ROC curve; ties count half, nan if only one class occurs."""
    positive = np.asarray(label) == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(label: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the average precision; equal scores share one threshold, nan without the outcome."""
    positive = np.asarray(label) == 1
    if not positive.any():
        return float("nan")
    levels, inverse = np.unique(-np.asarray(values), return_inverse=True)
    selected = np.cumsum(np.bincount(inverse, minlength=len(levels)))
    hits = np.cumsum(np.bincount(inverse[positive], minlength=len(levels)))
    return float((np.diff(hits, prepend=0) / positive.sum() * hits / selected).sum())


def lift(label: Floats, probability: Floats, share: float = 0.1) -> float:
    """Return the outcome rate of the top ``share`` divided by the overall rate."""
    top = np.argsort(-probability, kind="stable")[: max(1, int(len(label) * share))]
    return float(label[top].mean() / label.mean())


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
    label: Floats, ours: Floats, theirs: Floats, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, list[float]]:
    """Return 95 % intervals of the gain in AUC and in log loss, over a bootstrap of customers."""
    generator = np.random.default_rng(seed)
    log_ratio = np.log(np.clip(1 - np.abs(label - ours), PROBABILITY_FLOOR, 1)) - np.log(
        np.clip(1 - np.abs(label - theirs), PROBABILITY_FLOOR, 1)
    )
    gains: dict[str, list[float]] = {"auc": [], "log_loss": []}
    for _ in range(draws):
        chosen = generator.integers(0, len(label), len(label))
        if label[chosen].min() == label[chosen].max():
            continue
        gains["auc"].append(auc(label[chosen], ours[chosen]) - auc(label[chosen], theirs[chosen]))
        gains["log_loss"].append(float(log_ratio[chosen].mean()))
    return {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in gains.items() if values}


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

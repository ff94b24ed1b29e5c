"""Metrics of probabilities: ranking, calibration, and a paired bootstrap."""

from collections.abc import Callable, Mapping

import numpy as np

from rapport.scoring.models.matrix import Floats

BINS = 10
DRAWS = 400
EDGE = 1e-6


def auc(label: Floats, values: Floats) -> float:
    """Return the probability that a row with the outcome has the higher value; ties count half."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    sizes = np.diff(np.r_[starts, len(ranked)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    positive = label == 1
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def average_precision(label: Floats, probability: Floats) -> float:
    """Return the average precision; equal scores share one threshold."""
    order = np.argsort(-probability, kind="stable")
    ranked, positive = probability[order], label[order] == 1
    last = np.r_[ranked[1:] != ranked[:-1], True]
    hits = np.cumsum(positive)[last]
    counts = np.flatnonzero(last) + 1
    steps = np.diff(np.r_[0, hits])
    return float((steps * hits / counts).sum() / max(positive.sum(), 1))


def lift(label: Floats, probability: Floats, share: float = 0.1) -> float:
    """Return the outcome rate of the top ``share`` divided by the overall rate."""
    top = np.argsort(-probability, kind="stable")[: max(1, int(len(label) * share))]
    return float(label[top].mean() / label.mean())


def log_loss(label: Floats, probability: Floats) -> float:
    """Return the mean log loss in nats."""
    p = np.clip(probability, EDGE, 1 - EDGE)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))


def brier_score(label: Floats, probability: Floats) -> float:
    """Return the mean squared error."""
    return float(np.mean((label - probability) ** 2))


def calibration_error(label: Floats, probability: Floats) -> float:
    """Return the mean gap between predicted and observed rates over deciles of the customers."""
    bins = np.array_split(np.argsort(probability, kind="stable"), BINS)
    gaps = [len(each) * abs(label[each].mean() - probability[each].mean()) for each in bins if len(each)]
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
    log_ratio = np.log(np.clip(1 - np.abs(label - ours), EDGE, 1)) - np.log(
        np.clip(1 - np.abs(label - theirs), EDGE, 1)
    )
    gains: dict[str, list[float]] = {"auc": [], "log_loss": []}
    for _ in range(draws):
        chosen = generator.integers(0, len(label), len(label))
        if label[chosen].min() == label[chosen].max():
            continue
        gains["auc"].append(auc(label[chosen], ours[chosen]) - auc(label[chosen], theirs[chosen]))
        gains["log_loss"].append(float(log_ratio[chosen].mean()))
    return {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in gains.items() if values}

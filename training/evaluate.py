"""How good probabilities are: ranking, calibration and use, and whether a difference is more than chance."""

from collections.abc import Callable, Mapping

import numpy as np
from rapport.scoring.matrix import Floats
from rapport.training.fitting.linear import auc

BINS = 10
DRAWS = 400
EDGE = 1e-6


def average_precision(label: Floats, probability: Floats) -> float:
    """Return the precision at each customer with the outcome, averaged; equal scores share one place."""
    order = np.argsort(-probability, kind="stable")
    ranked, came = probability[order], label[order] == 1
    last = np.r_[ranked[1:] != ranked[:-1], True]
    hits = np.cumsum(came)[last]
    tried = np.flatnonzero(last) + 1
    gained = np.diff(np.r_[0, hits])
    return float((gained * hits / tried).sum() / max(came.sum(), 1))


def lift(label: Floats, probability: Floats, share: float = 0.1) -> float:
    """Return the outcome's rate among the top ``share`` over the rate among all."""
    top = np.argsort(-probability, kind="stable")[: max(1, int(len(label) * share))]
    return float(label[top].mean() / label.mean())


def log_loss(label: Floats, probability: Floats) -> float:
    """Return the mean surprise in nats."""
    p = np.clip(probability, EDGE, 1 - EDGE)
    return float(-np.mean(label * np.log(p) + (1 - label) * np.log(1 - p)))


def brier(label: Floats, probability: Floats) -> float:
    """Return the mean squared gap."""
    return float(np.mean((label - probability) ** 2))


def calibration_error(label: Floats, probability: Floats) -> float:
    """Return the mean gap between said and seen rates over tenths of the customers."""
    parts = np.array_split(np.argsort(probability, kind="stable"), BINS)
    gaps = [len(part) * abs(label[part].mean() - probability[part].mean()) for part in parts if len(part)]
    return float(sum(gaps) / len(label))


MEASURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "auc": auc,
    "average_precision": average_precision,
    "lift_10": lift,
    "log_loss": log_loss,
    "brier": brier,
    "calibration_error": calibration_error,
}


def measures(label: Floats, probability: Floats) -> dict[str, float]:
    """Return every measure of one part."""
    return {name: measure(label, probability) for name, measure in MEASURES.items()}


def paired(label: Floats, ours: Floats, theirs: Floats, *, draws: int = DRAWS, seed: int = 0) -> dict[str, list[float]]:
    """Return 95 % intervals of what we gain in AUC and in log loss, over draws of customers."""
    draw = np.random.default_rng(seed)
    surprise = np.log(np.clip(1 - np.abs(label - ours), EDGE, 1)) - np.log(np.clip(1 - np.abs(label - theirs), EDGE, 1))
    gains: dict[str, list[float]] = {"auc": [], "log_loss": []}
    for _ in range(draws):
        chosen = draw.integers(0, len(label), len(label))
        if label[chosen].min() == label[chosen].max():
            continue
        gains["auc"].append(auc(label[chosen], ours[chosen]) - auc(label[chosen], theirs[chosen]))
        gains["log_loss"].append(float(surprise[chosen].mean()))
    return {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in gains.items() if values}

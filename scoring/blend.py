"""The committee's vote: a weighted sum of log-odds, set right by one straight line."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rapport.scoring.experts import Reading
from rapport.scoring.matrix import Floats

from rapport.errors import BundleError

# Beyond this the last bits of a probability no longer hold its log-odds to 1e-9, and nobody believes 99.9998 %.
LIMIT = 13.0


@dataclass(frozen=True)
class Blend:
    """``logit = intercept + slope x Σ weight x expert's logit``; a part that does not help has the weight 0."""

    weights: Mapping[str, float]
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        wrong = sorted(name for name, weight in self.weights.items() if not weight >= 0)
        if wrong or not self.slope >= 0:
            raise BundleError(f"a blend's weights and slope cannot be negative: {', '.join(wrong) or 'slope'}.")

    def share(self, name: str) -> float:
        """Give the factor by which an expert's log-odds count."""
        return self.slope * self.weights.get(name, 0.0)

    def base(self, means: Mapping[str, float]) -> float:
        """Give the mean blended log-odds, from each expert's mean."""
        return self.intercept + float(sum(self.share(name) * mean for name, mean in means.items()))

    def logit(self, logits: Mapping[str, Floats], count: int) -> Floats:
        """Blend the experts' log-odds of ``count`` rows."""
        total = np.full(count, self.intercept)
        for name, logit in logits.items():
            total = total + self.share(name) * logit
        return np.asarray(np.clip(total, -LIMIT, LIMIT))

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""
        return asdict(self)


@dataclass(frozen=True)
class Vote:
    """The blended evidence of some rows, by feature where it has one, and by family."""

    base: float
    by_feature: Floats
    by_family: Mapping[str, Floats]


def vote(blend: Blend, readings: Mapping[str, Reading], shape: tuple[int, int]) -> Vote:
    """Weigh and add the experts' evidence, in the order they stand in."""
    by_feature = np.zeros(shape)
    by_family: dict[str, Floats] = {}
    for name, reading in readings.items():
        weight = blend.share(name)
        if weight == 0.0:
            continue
        if reading.by_feature is not None:
            by_feature += weight * reading.by_feature
        for family, part in reading.by_family.items():
            by_family[family] = by_family.get(family, 0.0) + weight * part
    return Vote(blend.base({name: reading.mean for name, reading in readings.items()}), by_feature, by_family)


def sigmoid(logit: Floats) -> Floats:
    """Turn log-odds into a probability, without overflow on either side."""
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, small) / (1.0 + small)


def logit_of(probability: Floats) -> Floats:
    """Turn a probability into log-odds."""
    return np.log(probability) - np.log1p(-probability)


def slope_between(base: float, steps: Floats) -> Floats:
    """Give ``(sigmoid(base + step) - sigmoid(base)) / step``: points of probability for each unit of evidence.

    Written as p(base + step) (1 - p(base)) (1 - exp(-step)) / step, which has no difference of near numbers and goes
    over into the curve's own slope p (1 - p) where the step vanishes.
    """
    still = steps == 0.0
    shrink = np.where(still, 1.0, -np.expm1(-steps) / np.where(still, 1.0, steps))
    there = sigmoid(np.asarray(base + steps))
    here = sigmoid(np.asarray(-base))
    return there * here * shrink

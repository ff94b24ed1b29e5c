"""The blend: a weighted sum of the members' log-odds, calibrated by one straight line."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rapport.errors import BundleError
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.members.member import Contributions

# Beyond this limit a probability no longer holds its log-odds to 1e-9, and 99.9998 % is not credible.
LIMIT = 13.0


@dataclass(frozen=True)
class Blend:
    """``logit = intercept + slope x Σ weight x member's logit``; a member that does not help has weight 0."""

    weights: Mapping[str, float]
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        wrong = sorted(name for name, weight in self.weights.items() if not weight >= 0)
        if wrong or not self.slope >= 0:
            raise BundleError(f"a blend's weights and slope must not be negative: {', '.join(wrong) or 'slope'}.")

    def share(self, name: str) -> float:
        """Return the factor of a member's log-odds in the blend."""
        return self.slope * self.weights.get(name, 0.0)

    def base(self, means: Mapping[str, float]) -> float:
        """Return the mean blended log-odds, from each member's mean."""
        return self.intercept + float(sum(self.share(name) * mean for name, mean in means.items()))

    def logit(self, logits: Mapping[str, Floats], count: int) -> Floats:
        """Blend the members' log-odds of ``count`` rows."""
        total = np.full(count, self.intercept)
        for name, logit in logits.items():
            total = total + self.share(name) * logit
        return np.asarray(np.clip(total, -LIMIT, LIMIT))

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class WeightedContributions:
    """The members' contributions times their weights: by feature where there is one, else by family."""

    base: float
    by_feature: Floats
    by_family: Mapping[str, Floats]


def weighted_contributions(
    blend: Blend, contributions: Mapping[str, Contributions], shape: tuple[int, int]
) -> WeightedContributions:
    """Weigh and add the members' contributions, in their order."""
    by_feature = np.zeros(shape)
    by_family: dict[str, Floats] = {}
    for name, own in contributions.items():
        weight = blend.share(name)
        if weight == 0.0:
            continue
        if own.by_feature is not None:
            by_feature += weight * own.by_feature
        for family, part in own.by_family.items():
            by_family[family] = by_family.get(family, 0.0) + weight * part
    return WeightedContributions(
        blend.base({name: own.mean for name, own in contributions.items()}), by_feature, by_family
    )


def sigmoid(logit: Floats) -> Floats:
    """Turn log-odds into a probability, without overflow on either side."""
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, small) / (1.0 + small)


def logit_of(probability: Floats) -> Floats:
    """Turn a probability into log-odds."""
    return np.log(probability) - np.log1p(-probability)


def secant_slope(base: float, steps: Floats) -> Floats:
    """Return ``(sigmoid(base + step) - sigmoid(base)) / step``: points of probability per unit of evidence.

    Computed as p(base + step) (1 - p(base)) (1 - exp(-step)) / step, which avoids a difference of nearly equal numbers
    and becomes the tangent p (1 - p) where the step is 0.
    """
    is_zero = steps == 0.0
    decay = np.where(is_zero, 1.0, -np.expm1(-steps) / np.where(is_zero, 1.0, steps))
    return sigmoid(np.asarray(base + steps)) * sigmoid(np.asarray(-base)) * decay

"""How strongly the levels of a category differ: the variance of their effects, which sets how far each is shrunk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import expit, log_ndtr

from rapport.scoring.models.matrix import Floats
from rapport.training.data.dataset import Dataset, IndexArray

MAX_VARIANCE, STEPS = 4.0, 25
# Before any data the variance of the effects of a category's levels is exponential with this mean. Levels that differ
# by less than a standard deviation of 0.1 in log-odds have no effects.
PRIOR_MEAN, MIN_VARIANCE = 0.3, 0.01


@dataclass(frozen=True)
class CategoryEffects:
    """A category whose levels differ; an unknown value has the code ``size - 1``.

    ``ridge`` is the penalty of its effects: one over their variance in log-odds, times how much less a row tells than
    an independent one would (rows of one customer at many cutoffs are alike).
    """

    feature: str
    codes: IndexArray
    size: int
    ridge: float


def informative_categories(dataset: Dataset, *, offset: Floats, weight: Floats) -> tuple[CategoryEffects, ...]:
    """Return the categories whose levels differ by more than chance, the strongest first.

    Each is judged on what the ones before it leave unexplained, so that two columns that say the same count once.
    """
    remaining, kept = {category.feature: category for category in _categories(dataset)}, []
    logits = _with_intercept(dataset.label, offset, weight) if remaining else offset
    while remaining:
        expected = expit(logits)
        gap, information = weight * (dataset.label - expected), weight * expected * (1 - expected)
        found = {name: _Levels.of(category, gap, information) for name, category in remaining.items()}
        best = max(found, key=lambda name: found[name].gain)
        levels, category = found[best], remaining.pop(best)
        if levels.variance <= 0:
            break
        kept.append(CategoryEffects(best, category.codes, category.size, levels.ridge))
        logits = logits + levels.effects[category.codes]
    return tuple(kept)


@dataclass(frozen=True)
class _Category:
    """A category by row: its codes, and the number of each row's customer at this level, with the level of each."""

    feature: str
    codes: IndexArray
    size: int
    customer: IndexArray
    level: IndexArray


def _categories(dataset: Dataset) -> Iterator[_Category]:
    customers = pa.array(dataset.customer_ids, pa.string()).dictionary_encode().indices.to_numpy().astype(np.intp)
    for column in dataset.matrix.columns:
        if column.levels:
            found, size = dataset.matrix.column(column.name), len(column.levels) + 1
            codes = np.where(np.isnan(found), size - 1, found).astype(np.intp)
            pairs, customer = np.unique(customers * size + codes, return_inverse=True)
            yield _Category(column.name, codes, size, customer, pairs % size)


def _with_intercept(label: Floats, offset: Floats, weight: Floats) -> Floats:
    """Return the offset plus the constant that fits the labels."""
    logits = np.array(offset, dtype=np.float64)
    for _ in range(STEPS):
        expected = expit(logits)
        information = float((weight * expected * (1 - expected)).sum())
        logits = logits + np.clip(float((weight * (label - expected)).sum()) / max(information, 1e-9), -2.0, 2.0)
    return logits


@dataclass(frozen=True)
class _Levels:
    """One step from the current prediction: the score, the information and the noise of each level."""

    score: Floats
    information: Floats
    noise: Floats

    @classmethod
    def of(cls, category: _Category, gap: Floats, information: Floats) -> "_Levels":
        by_customer = _sums(category.customer, gap, len(category.level))
        return cls(
            score=_sums(category.codes, gap, category.size),
            information=_sums(category.codes, information, category.size),
            noise=_sums(category.level, by_customer**2, category.size),
        )

    @property
    def variance(self) -> float:
        """Return the mean of the variance of the effects, given its estimate by moments; 0 where it hardly matters.

        The estimate (the squared scores beyond the noise) is normal around the variance, and few customers put it below
        0 by chance. With the exponential prior the variance is a normal cut at 0.
        """
        share = 1 - self.information / max(float(self.information.sum()), 1e-12)
        spread = float((self.information**2 * share).sum())
        if spread <= 0:
            return 0.0
        noise = self.noise * share
        estimate, error = float((self.score**2 - noise).sum()) / spread, 2 * float((noise**2).sum()) / spread**2
        deviation = max(error**0.5, 1e-9)
        centre = estimate - error / PRIOR_MEAN
        standard = centre / deviation
        density = np.exp(-(standard**2) / 2 - log_ndtr(standard)) / np.sqrt(2 * np.pi)
        mean = centre + deviation * float(density)
        return 0.0 if mean < MIN_VARIANCE else min(mean, MAX_VARIANCE)

    @property
    def ridge(self) -> float:
        """Return the penalty of the effects."""
        return float(self.noise.sum() / max(float(self.information.sum()), 1e-12)) / max(self.variance, 1e-9)

    @property
    def effects(self) -> Floats:
        """Return the shrunk effect of each level."""
        return self.score / (self.information + self.ridge)

    @property
    def gain(self) -> float:
        """Return about how much the shrunk effects improve the likelihood."""
        return float((self.effects * self.score).sum()) if self.variance > 0 else 0.0


def _sums(groups: IndexArray, values: Floats, count: int) -> Floats:
    return np.bincount(groups, values, count).astype(np.float64)

"""Fit a ridge-regularised logistic regression on a few strong features, each with its declared sign."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from rapport.metrics import auc
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.logistic import CategoryTerm, LogisticMember, LogisticTerm
from rapport.training.data.dataset import Dataset
from rapport.training.members.category_effects import CategoryEffects, informative_categories
from rapport.training.members.gbm import varying_columns

# One term per ten customers with the minority outcome (Peduzzi et al. 1996); more than forty terms add nothing.
MOST_TERMS, LEAST_TERMS, CUSTOMERS_PER_TERM = 40, 8, 10
# First at most two terms per family, then four, …: weak families get a term before strong ones get many.
FEATURES_PER_FAMILY = (2, 4, 8, 16, 32, MOST_TERMS)
MAX_CORRELATION = 0.95
# Ridge penalty in units of customers, not rows: rows of one customer at many cutoffs count once.
RIDGE = 20.0
SCREENING_ROWS = 20_000
TRANSFORMS = {"days": "log", "count": "log", "money": "log", "hours": "log", "per_month": "log", "ratio": "log"}


@dataclass(frozen=True)
class _Candidate:
    """A feature with one transform, standardised."""

    term: LogisticTerm
    values: Floats
    family: str
    sign: int


def fit_logistic(dataset: Dataset, *, offset: Floats, weight: Floats, name: str = "linear") -> LogisticMember:
    """Fit the logistic member; a constant if no feature is informative."""
    max_terms = min(max(dataset.minority_count // CUSTOMERS_PER_TERM, LEAST_TERMS), MOST_TERMS)
    ridge = RIDGE * len(dataset) / len(set(dataset.customer_ids))
    categories = informative_categories(dataset, offset=offset, weight=weight)
    chosen = select_terms(dataset, max_terms)
    return fit_terms(name, chosen, dataset, offset=offset, weight=weight, ridge=ridge, categories=categories)


def fit_terms(  # noqa: PLR0913 - the parts of one regression
    name: str,
    chosen: list[_Candidate],
    dataset: Dataset,
    *,
    offset: Floats,
    weight: Floats,
    ridge: float,
    categories: tuple[CategoryEffects, ...] = (),
) -> LogisticMember:
    """Fit the coefficients of the chosen terms within their bounds, and the effects of the categories' levels."""
    base = float(np.average(dataset.label, weights=weight))
    penalties = [np.zeros(1), np.full(len(chosen), ridge), *(np.full(own.size, own.ridge) for own in categories)]
    design = _Design(
        columns=np.column_stack([np.ones(len(dataset)), *(candidate.values for candidate in chosen)]),
        categories=categories,
        penalty=np.concatenate(penalties),
        offset=offset,
    )
    start = np.r_[np.log(base / (1 - base)), np.zeros(len(design.penalty) - 1)]
    bounds = [(-20.0, 20.0), *(_bounds(candidate.sign) for candidate in chosen)]
    bounds += [_bounds(0)] * (len(start) - len(bounds))
    fit = minimize(design.loss, start, args=(dataset.label, weight), jac=True, method="L-BFGS-B", bounds=bounds)
    coefficients, effects = design.split(fit.x)
    terms = (
        LogisticTerm(**{**vars(candidate.term), "coefficient": float(coefficient)})
        for candidate, coefficient in zip(chosen, coefficients[1:], strict=True)
        if coefficient != 0.0
    )
    by_level = (
        CategoryTerm(own.feature, tuple(own_effects.tolist()))
        for own, own_effects in zip(categories, effects, strict=True)
    )
    return LogisticMember(name, tuple(terms), float(coefficients[0]), tuple(by_level))


def select_terms(
    dataset: Dataset, max_terms: int, families: Set[str] | None = None, per_family: Sequence[int] = FEATURES_PER_FAMILY
) -> list[_Candidate]:
    """Select the features with the best AUC by themselves, as many as the number of customers supports."""
    candidates = _drop_collinear(_rank_by_auc(dataset.at_most(SCREENING_ROWS), families), max_terms, per_family)
    terms = [candidate.term for candidate in candidates]
    return [_make_candidate(dataset, dataset.matrix.positions[term.feature], term.transform) for term in terms]


def _drop_collinear(candidates: list[_Candidate], max_terms: int, rounds: Sequence[int]) -> list[_Candidate]:
    """Keep candidates by strength, a few per family and then more; skip those correlated with one already kept."""
    collinear = (
        np.abs(np.corrcoef([candidate.values for candidate in candidates])) > MAX_CORRELATION
        if len(candidates) > 1
        else np.eye(1)
    )
    kept: list[int] = []
    for per_family in rounds:
        for index, candidate in enumerate(candidates):
            same_family = sum(candidates[position].family == candidate.family for position in kept)
            if len(kept) < max_terms and same_family < per_family and not collinear[index, kept].any():
                kept.append(index)
    return [candidates[index] for index in kept]


def _rank_by_auc(dataset: Dataset, families: Set[str] | None) -> list[_Candidate]:
    """Rank features and their transforms by the distance of their own AUC from 0.5."""
    candidates: list[tuple[float, _Candidate]] = []
    for position in varying_columns(dataset.matrix):
        column = dataset.matrix.columns[position]
        if column.is_category or (families and column.family not in families):
            continue
        for transform in _transforms(column, dataset.matrix.values[:, position]):
            candidate = _make_candidate(dataset, int(position), transform)
            candidates.append((abs(auc(dataset.label, candidate.values) - 0.5), candidate))
    return [candidate for strength, candidate in sorted(candidates, key=lambda each: -each[0]) if strength > 0.01]


def _transforms(column: FeatureColumn, values: Floats) -> list[str]:
    unknown = float(np.isnan(values).mean())
    return [TRANSFORMS.get(column.unit, "as_is"), *(["known"] if 0.02 < unknown < 0.98 else [])]


def _make_candidate(dataset: Dataset, position: int, transform: str) -> _Candidate:
    column = dataset.matrix.columns[position]
    one = Matrix((column,), dataset.matrix.values[:, [position]])
    transformed = LogisticTerm(column.name, transform, 0.0, 1.0, 1.0, low=-np.inf, high=np.inf, missing=np.nan).part(
        one
    )
    known = transformed[~np.isnan(transformed)]
    centre, scale = float(known.mean()), float(known.std()) or 1.0
    term = LogisticTerm(column.name, transform, centre, scale, 1.0)
    values = term.part(one)
    return _Candidate(term, values, column.family, 0 if transform == "known" else column.direction)


def _bounds(sign: int) -> tuple[float, float]:
    return (0.0 if sign > 0 else -5.0, 0.0 if sign < 0 else 5.0)


@dataclass(frozen=True)
class _Design:
    """The regression's columns, its categories, and the ridge penalty of each coefficient."""

    columns: Floats
    categories: tuple[CategoryEffects, ...]
    penalty: Floats
    offset: Floats

    def split(self, parameters: Floats) -> tuple[Floats, list[Floats]]:
        """Return the coefficients of the columns, and the effects of each category's levels."""
        ends = np.cumsum([self.columns.shape[1], *(own.size for own in self.categories)])
        coefficients, *effects = np.split(parameters, ends[:-1])
        return coefficients, effects

    def loss(self, parameters: Floats, label: Floats, weight: Floats) -> tuple[float, Floats]:
        """Return the penalised log loss and its gradient."""
        coefficients, effects = self.split(parameters)
        logit = self.columns @ coefficients + self.offset
        for own, own_effects in zip(self.categories, effects, strict=True):
            logit = logit + own_effects[own.codes]
        gap = weight * (expit(logit) - label)
        loss = float((weight * (np.logaddexp(0, logit) - label * logit)).sum() + self.penalty @ parameters**2 / 2)
        gradient = [self.columns.T @ gap, *(np.bincount(own.codes, gap, own.size) for own in self.categories)]
        return loss, np.concatenate(gradient) + self.penalty * parameters

"""Stacking: the members' weights and the slope of the blend, fitted on later cutoffs with a ridge to equal weights."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from rapport.scoring.models.blend import Blend
from rapport.scoring.models.matrix import Floats
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.data.dataset import BoolArray
from rapport.training.stacking.base_rate import fit_intercept
from rapport.training.stacking.temporal_validation import TemporalValidation, ValidationFold, in_first_half, match_mean

# The ridge toward the prior weights: a constant, because seasons differ however many rows there are, and a part worth a
# few customers with the minority outcome (rows of one customer at several cutoffs count once). The slope of the blend,
# the sum of the weights, differs more by season than the ratio of the weights, so it has a ridge of its own.
RIDGE, RIDGE_CUSTOMERS, SLOPE_RIDGE = 0.01, 3, 0.05
CARD_PRIOR = 0.1
MIN_WEIGHT = 0.01
TREES_FULL_PRIOR, LOGISTIC_FULL_PRIOR = 300, 60


def prior_weights(names: Sequence[str], sufficiency: DataSufficiency) -> dict[str, float]:
    """Return the weights before validation: equal, less for members that need many outcomes, little for the card.

    The renewal hazard yields to the logistic member as its prior grows, because that one reads the same facts and more.
    Outcomes count by distinct customers: for the trees of the recent cutoffs, those seen there. The card's weight comes
    on top of a sum of 1: a card that tells customers apart no better than chance has hardly any spread, and would
    only flatten the blend.
    """
    trees = dict.fromkeys(("newest", "many", "corrected"), TREES_FULL_PRIOR)
    needed = trees | {"linear": LOGISTIC_FULL_PRIOR}
    seen = {
        name: sufficiency.recent_minority_count if name == "newest" else sufficiency.minority_count for name in names
    }
    weights = {name: seen[name] / max(seen[name] + needed.get(name, 0), 1) for name in names}
    if "hazard" in weights and "linear" in weights:
        weights["hazard"] = 1 - weights["linear"]
    total = sum(weight for name, weight in weights.items() if name != "card")
    shares = {name: weight / total for name, weight in weights.items() if name != "card"}
    return shares | {"card": CARD_PRIOR if shares else 1.0} if "card" in weights else shares


def fit_weights(folds: Sequence[ValidationFold], prior: Mapping[str, float]) -> dict[str, float]:
    """Fit weights ≥ 0 by log loss with an intercept per fold and a ridge to ``prior``."""
    names = list(prior)
    if not folds:
        return dict(prior)
    start = np.array([prior[name] for name in names])
    centred = [_centred(fold, names) for fold in folds]
    labels = [fold.dataset.label for fold in folds]
    intercepts = [float(np.log(label.mean() / (1 - label.mean()))) for label in labels]
    fit = minimize(
        _loss,
        np.r_[start, intercepts],
        args=(centred, labels, start, RIDGE + RIDGE_CUSTOMERS / max(_minority_count(folds), 1)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 2.0)] * len(names) + [(-15.0, 15.0)] * len(folds),
    )
    found = dict(zip(names, fit.x.tolist(), strict=False))
    return {name: weight if weight >= MIN_WEIGHT else 0.0 for name, weight in found.items()}


def make_blend(weights: Mapping[str, float], logits: Mapping[str, Floats], rate: float) -> Blend:
    """Return the blend with these weights whose mean over the rows is ``rate``; without any weight, the rate alone."""
    slope = sum(weights.values())
    if slope <= 0:
        return Blend(dict.fromkeys(weights, 0.0), slope=0.0, intercept=float(logit(rate)))
    total = np.sum([weight * logits[name] for name, weight in weights.items()], axis=0)
    shares = {name: weight / slope for name, weight in weights.items()}
    return Blend(shares, slope=slope, intercept=fit_intercept(total, rate))


def out_of_fold_logits(validation: TemporalValidation, prior: Mapping[str, float]) -> Floats:
    """Return the blend's log-odds of every validation row; each half of the customers gets the other half's weights."""
    halves = [in_first_half(fold.dataset.customer_ids) for fold in validation.folds]
    weights = [fit_weights(folds_of(validation, [half == side for half in halves]), prior) for side in (True, False)]
    parts = []
    for fold, half in zip(validation.folds, halves, strict=True):
        by_first, by_second = (_weighted(fold, each) for each in weights)
        parts.append(match_mean(np.where(half, by_second, by_first), fold.expected_rate))
    return np.concatenate(parts)


def _weighted(fold: ValidationFold, weights: Mapping[str, float]) -> Floats:
    return np.asarray(np.sum([weight * fold.logits[name] for name, weight in weights.items()], axis=0))


def folds_of(validation: TemporalValidation, kept_rows: Sequence[BoolArray]) -> list[ValidationFold]:
    """Keep some rows of each fold, and the folds that then have both outcomes."""
    kept = []
    for fold, keep in zip(validation.folds, kept_rows, strict=True):
        chosen = np.flatnonzero(keep)
        dataset = fold.dataset.take(chosen)
        if len(dataset) > 1 and dataset.label.min() != dataset.label.max():
            logits = {name: values[chosen] for name, values in fold.logits.items()}
            kept.append(ValidationFold(fold.cutoff, dataset, logits, fold.expected_rate))
    return kept


def _centred(fold: ValidationFold, names: Sequence[str]) -> Floats:
    columns = np.column_stack([fold.logits[name] for name in names])
    return np.asarray(columns - columns.mean(axis=0))


def _minority_count(folds: Sequence[ValidationFold]) -> int:
    """Return the number of distinct customers with the minority outcome in the folds."""
    label = np.concatenate([fold.dataset.label for fold in folds])
    customer_ids = np.concatenate([fold.dataset.customer_ids for fold in folds])
    return min(len(set(customer_ids[label == value])) for value in (0.0, 1.0))


def _loss(
    parameters: Floats, columns: Sequence[Floats], labels: Sequence[Floats], prior: Floats, ridge: float
) -> tuple[float, Floats]:
    """Return the penalised log loss and its gradient."""
    weights, intercepts = parameters[: len(prior)], parameters[len(prior) :]
    rows = sum(len(label) for label in labels)
    loss, gradient = 0.0, np.zeros(len(parameters))
    for index, (logits, label) in enumerate(zip(columns, labels, strict=True)):
        logit = logits @ weights + intercepts[index]
        residual = expit(logit) - label
        loss += float((np.logaddexp(0, logit) - label * logit).sum()) / rows
        gradient[: len(prior)] += logits.T @ residual / rows
        gradient[len(prior) + index] = residual.sum() / rows
    change = weights - prior
    slope_change = float(change.sum())
    penalty = np.r_[2 * ridge * change + 2 * SLOPE_RIDGE * slope_change, np.zeros(len(intercepts))]
    return loss + ridge * float(change @ change) + SLOPE_RIDGE * slope_change**2, gradient + penalty

"""Groups of similar customers on later cutoffs: how far their rates were from the scores, and from the intervals."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit

from rapport.metrics import PROBABILITY_FLOOR
from rapport.scoring.models.evaluation_record import IntervalRecord
from rapport.scoring.models.interval import PredictionInterval
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.dataset import IndexArray
from rapport.training.evaluation.training_run import TrainingRun, validated_probability

SCORE_GROUPS, TENURE_GROUPS, MIN_GROUP = 5, 3, 40
TENURE = {"churn": "first_order_days_ago", "conversion": "customer_age_days"}
LEVEL_SCORE = 1.645
"""Nine tenths of a normal distribution lie within so many standard deviations."""


def group_error(run: TrainingRun) -> float:
    """Return the standard deviation, in log-odds, by which similar customers' rates differed from their scores.

    Each fold is first put at its own rate: what all groups share is the base rate's error. What groups of so few
    customers show by chance is subtracted. The folds judge models that had learned from fewer outcomes than the final
    one, so the error is less by the root of that share, as a sampling error would be.
    """
    excess, weights = [], []
    for probability, label, _ in _folds(run):
        centred = expit(_logit(probability) + _common_shift(probability, label))
        for group in _groups_of(run, centred, None):
            variance = 1.0 / np.sum(centred[group] * (1 - centred[group]))
            gap = (label[group].mean() - centred[group].mean()) * len(group) * variance
            excess.append(gap**2 - variance)
            weights.append(1.0 / variance)
    if not excess:
        return 0.0
    learned = run.validation.training_set.minority_count / max(run.dataset.minority_count, 1)
    return float(np.sqrt(max(np.average(excess, weights=weights), 0.0) * min(learned, 1.0)))


def common_error(run: TrainingRun) -> float | None:
    """Return the root mean square of how far all scores of a fold were off together, in log-odds of one score."""
    shifts = [_common_shift(probability, label) for probability, label, _ in _folds(run)]
    return float(np.sqrt(np.mean(np.square(shifts)))) if shifts else None


def rate_coverage(run: TrainingRun, interval: PredictionInterval) -> IntervalRecord:
    """Return on how many groups by score and tenure the observed rate agreed with the interval.

    A rate of n customers varies by itself, so it agrees if it lies within nine tenths of both together: the interval,
    and the sampling of n outcomes.
    """
    covered, customers = [], 0
    for probability, label, matrix in _folds(run):
        low, high = interval.around(_logit(probability), matrix)
        for group in _groups_of(run, probability, matrix):
            mean, count = probability[group].mean(), len(group)
            own = ((high[group] - low[group]).mean() / 2 / LEVEL_SCORE) ** 2
            sampling = (probability[group] * (1 - probability[group])).sum() / count**2
            covered.append(abs(label[group].mean() - mean) <= LEVEL_SCORE * np.sqrt(own + sampling))
            customers += count
    share = float(np.mean(covered)) if covered else None
    return {"groups": len(covered), "group_rows": customers, "coverage_of_groups": share}


def _folds(run: TrainingRun) -> Iterator[tuple[Floats, Floats, Matrix]]:
    """Yield the served probabilities, the outcomes and the rows of each validation fold."""
    if not run.validation.folds:
        return
    probability, start = validated_probability(run), 0
    for fold in run.validation.folds:
        rows = slice(start, start + len(fold.dataset))
        start = rows.stop
        yield probability[rows], fold.dataset.label, fold.dataset.matrix


def _groups_of(run: TrainingRun, probability: Floats, matrix: Matrix | None) -> Iterator[IndexArray]:
    """Yield the rows of up to five groups of similar scores; with ``matrix``, each up to three by tenure."""
    tenure = TENURE[run.task.target]
    by_tenure = np.nan_to_num(matrix.column(tenure), nan=-1.0) if matrix and tenure in matrix.positions else None
    for group in _parts(np.argsort(probability, kind="stable"), SCORE_GROUPS):
        if by_tenure is None:
            yield group
        else:
            yield from _parts(group[np.argsort(by_tenure[group], kind="stable")], TENURE_GROUPS)


def _parts(ordered: IndexArray, most: int) -> list[IndexArray]:
    """Cut rows into at most so many parts of at least ``MIN_GROUP`` rows; a smaller rest has no part."""
    count = min(len(ordered) // MIN_GROUP, most)
    return np.array_split(ordered, count) if count else []


def _logit(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)))


def _common_shift(probability: Floats, label: Floats) -> float:
    """Return about how far all scores of a fold were off, in log-odds (one step of Newton's method)."""
    return float((label - probability).sum() / max((probability * (1 - probability)).sum(), PROBABILITY_FLOOR))

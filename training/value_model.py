"""What a retained customer is expected to spend within the horizon: a model evaluated on the newest cutoff."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from rapport.history import History
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.spend_model import SpendModel
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec

FEATURE = "spend_sum_365d"
KNOTS = 12
MIN_ROWS = 50


def fit_value_model(history: History, task: TaskSpec, dataset: Dataset) -> tuple[SpendModel | None, dict[str, Any]]:
    """Fit later spend to past spend of retained customers, in the shape with the least error at the newest cutoff."""
    cutoffs = [dataset.cutoffs[index] for index in np.unique(dataset.cutoff_index)]
    if task.target != "churn" or FEATURE not in dataset.matrix.positions:
        return None, {}
    spend_after = {cutoff: _spend_after(history, task, cutoff) for cutoff in cutoffs}
    observed = np.array(
        [
            spend_after[dataset.cutoffs[index]].get(name, 0.0)
            for name, index in zip(dataset.customer_ids, dataset.cutoff_index, strict=True)
        ]
    )
    stayed = (dataset.label == 0) & ~np.isnan(dataset.matrix.column(FEATURE))
    newest = dataset.cutoff_index == np.unique(dataset.cutoff_index)[0]
    if (stayed & ~newest).sum() < MIN_ROWS:
        return None, {}
    past, later = dataset.matrix.column(FEATURE), dataset.matrix.take(np.flatnonzero(stayed & newest))
    errors = {
        shape: _errors(fit(past[stayed & ~newest], observed[stayed & ~newest]), later, observed[stayed & newest], task)
        for shape, fit in SHAPES.items()
    }
    best = min(errors, key=lambda shape: errors[shape].get("mean_error", 0.0))
    return SHAPES[best](past[stayed], observed[stayed]), {"shape": best} | errors[best]


def _linear(past: Floats, observed: Floats) -> SpendModel:
    """Use the same share of past spend for every customer."""
    return SpendModel(FEATURE, (0.0, 1.0), (0.0, float(observed.sum() / max(past.sum(), 1e-9))))


def _monotone(past: Floats, observed: Floats) -> SpendModel:
    """Use the mean observed spend in bins of equal count, never falling as past spend rises."""
    bins = [each for each in np.array_split(np.argsort(past, kind="stable"), KNOTS) if len(each)]
    knots = np.array([past[each].mean() for each in bins])
    values = np.array([observed[each].mean() for each in bins])
    knots, places = np.unique(knots, return_index=True)
    return SpendModel(FEATURE, tuple(knots.tolist()), tuple(np.maximum.accumulate(values[places]).tolist()))


SHAPES: Mapping[str, Callable[[Floats, Floats], SpendModel]] = {"line": _linear, "curve": _monotone}


def _errors(model: SpendModel, matrix: Matrix, observed: Floats, task: TaskSpec) -> dict[str, Any]:
    """Compare with "as in the last 12 months", scaled to the horizon."""
    if not len(matrix):
        return {}
    predicted = model.expected(matrix)
    naive = matrix.column(FEATURE) * min(task.horizon_days / 365, 1.0)
    return {
        "rows": len(matrix),
        "mean_expected": float(predicted.mean()),
        "mean_observed": float(observed.mean()),
        "mean_error": float(np.abs(predicted - observed).mean()),
        "mean_error_as_last_year": float(np.abs(naive - observed).mean()),
        "rank_correlation": _rank_correlation(predicted, observed),
    }


def _rank_correlation(left: Floats, right: Floats) -> float:
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (left, right)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(left) > 2 else float("nan")


def _spend_after(history: History, task: TaskSpec, cutoff: datetime) -> dict[str, float]:
    """Return what each customer ordered in the horizon after ``cutoff``, as far as known at ``task.as_of``."""
    found = history.connection.execute(
        "SELECT customer_id, sum(amount) FROM orders WHERE amount > 0 AND ordered_at >= ? AND ordered_at < ? "
        "AND coalesce(recorded_at, ordered_at) < ? GROUP BY customer_id",
        [cutoff, task.horizon.after(cutoff), task.as_of],
    ).fetchall()
    return {str(name): float(amount) for name, amount in found}

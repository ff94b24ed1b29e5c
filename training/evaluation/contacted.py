"""Metrics with and without the customers who were contacted within the horizon: a contact may have kept them.

A model learns from what came after contacts, too. Where it is as good without the contacted, contact did not make its
figures. Interventions are known from the table of that name; they are no features.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.metrics import compute_metrics
from rapport.training.evaluation.training_run import TrainingRun, validated_probability
from rapport.training.messages import localized
from rapport.training.stacking.temporal_validation import ValidationFold

_METRICS = ("auc", "log_loss", "calibration_error")
_SQL = (
    'SELECT customer_id, "at" FROM interventions WHERE "at" < $as_of AND NOT coalesce(held_out, false) '
    "AND coalesce(recorded_at < $as_of, true)"
)


def contacted_figures(run: TrainingRun) -> dict[str, Any] | None:
    """Return the metrics of what is served on all validation rows and on those without a contact; None without any."""
    if not run.history.rows.get("interventions") or not run.validation.folds:
        return None
    found = run.history.connection.execute(_SQL, {"as_of": run.task.as_of}).fetchall()
    flags = np.concatenate([_contacted(fold, found, run) for fold in run.validation.folds])
    if not flags.any():
        return None
    label, probability = run.validation.label, validated_probability(run)
    groups = {"all": np.ones(len(label), dtype=bool), "not_contacted": ~flags, "contacted": flags}
    figures: dict[str, Any] = {
        name: {"rows": int(rows.sum()), "rate": float(label[rows].mean()) if rows.any() else None}
        | _metrics(label[rows], probability[rows])
        for name, rows in groups.items()
    }
    values = {"rows": int(flags.sum()), "judged": len(label), "contacted_rate": figures["contacted"]["rate"]}
    for name, group in (("", "all"), ("other_", "not_contacted")):
        values |= {f"{name}{metric}": figures[group][metric] for metric in ("rate", "auc", "log_loss")}
    if None in values.values():
        return figures
    sentence = localized("evaluation.contacted", **values)
    return figures | sentence.stored("sentence")


def _contacted(
    fold: ValidationFold, contacts: Sequence[tuple[str, datetime]], run: TrainingRun
) -> npt.NDArray[np.bool_]:
    end = run.task.outcome_window.after(fold.cutoff)
    within = {customer_id for customer_id, at in contacts if fold.cutoff <= at < end}
    return np.array([one in within for one in fold.dataset.customer_ids], dtype=bool)


def _metrics(label: npt.NDArray[np.float64], probability: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Return the metrics; None where all outcomes are alike."""
    if not len(label) or label.min() == label.max():
        return dict.fromkeys(_METRICS)
    found = compute_metrics(label, probability)
    return {name: float(found[name]) for name in _METRICS}

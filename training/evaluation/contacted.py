"""Metrics with and without the customers who were contacted within the horizon: a contact may have kept them.

A model learns from what came after contacts, too. Where it is as good without the contacted, contact did not make its
figures. Interventions are known from the table of that name; they are no features.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import numpy as np
import numpy.typing as npt

from rapport.metrics import compute_metrics
from rapport.scoring.models.evaluation_record import ContactedGroup, ContactedRecord
from rapport.scoring.models.matrix import Floats
from rapport.training.evaluation.training_run import TrainingRun, validated_probability
from rapport.training.messages import localized
from rapport.training.stacking.temporal_validation import ValidationFold

_SQL = (
    'SELECT customer_id, "at" FROM interventions WHERE "at" < $as_of AND NOT coalesce(held_out, false) '
    "AND coalesce(recorded_at < $as_of, true)"
)


def contacted_figures(run: TrainingRun) -> ContactedRecord | None:
    """Return the metrics of what is served on all validation rows and on those without a contact; None without any."""
    if not run.history.rows.get("interventions") or not run.validation.folds:
        return None
    found = run.history.connection.execute(_SQL, {"as_of": run.task.as_of}).fetchall()
    flags = np.concatenate([_contacted(fold, found, run) for fold in run.validation.folds])
    if not flags.any():
        return None
    label, probability = run.validation.label, validated_probability(run)
    figures: ContactedRecord = {
        "all": _group(label, probability),
        "not_contacted": _group(label[~flags], probability[~flags]),
        "contacted": _group(label[flags], probability[flags]),
    }
    everyone, others = figures["all"], figures["not_contacted"]
    values = {
        "rows": int(flags.sum()), "judged": len(label), "contacted_rate": figures["contacted"]["rate"],
        "rate": everyone["rate"], "auc": everyone["auc"], "log_loss": everyone["log_loss"],
        "other_rate": others["rate"], "other_auc": others["auc"], "other_log_loss": others["log_loss"],
    }  # fmt: skip
    if None in values.values():
        return figures
    sentence = localized("evaluation.contacted", **values)
    return cast(ContactedRecord, {**figures, **sentence.stored("sentence")})


def _contacted(
    fold: ValidationFold, contacts: Sequence[tuple[str, datetime]], run: TrainingRun
) -> npt.NDArray[np.bool_]:
    end = run.task.outcome_window.after(fold.cutoff)
    within = {customer_id for customer_id, at in contacts if fold.cutoff <= at < end}
    return np.array([one in within for one in fold.dataset.customer_ids], dtype=bool)


def _group(label: Floats, probability: Floats) -> ContactedGroup:
    """Return the metrics; None where all outcomes are alike."""
    alike = not len(label) or label.min() == label.max()
    found = {} if alike else compute_metrics(label, probability)
    return {
        "rows": len(label),
        "rate": float(label.mean()) if len(label) else None,
        "auc": found.get("auc"),
        "log_loss": found.get("log_loss"),
        "calibration_error": found.get("calibration_error"),
    }

"""What a model serves: the blend, or with grade D the part that its own table shows to be better."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from rapport.metrics import PROBABILITY_FLOOR, compute_metrics
from rapport.scoring.models.bundle import Fallback
from rapport.scoring.models.evaluation_record import EvaluationRecord, Measures, ServedRecord
from rapport.scoring.models.matrix import Floats
from rapport.training.evaluation.evaluation import Evaluation
from rapport.training.messages import localized
from rapport.training.stacking.temporal_validation import TemporalValidation

BLEND, RATE = "blend", "rate"
"""``RATE``: the expected rate for everyone, where no part is better than it."""
CHANCE_AUC = 0.5
STANDARD_ERRORS = 2.0
"""The best of five parts is often ahead of the blend by one standard error by luck alone."""


def choose_served_part(evaluation: Evaluation, validation: TemporalValidation, names: Sequence[str]) -> str:
    """Return ``BLEND``, the name of the member that is served alone, or ``RATE``.

    Only grade D replaces the blend: by the part with the least log loss in temporal validation, if that is lower by
    more than two standard errors. A member has to rank better than chance. With a dozen outcomes the least loss is
    mostly luck, and the weights of the blend are drawn to those that need no outcomes.
    """
    if evaluation.grade.letter != "D" or not validation.folds:
        return BLEND
    useful = [name for name in names if name in evaluation.metrics and evaluation.metrics[name]["auc"] > CHANCE_AUC]
    ours = _losses(evaluation, validation, BLEND)
    gains = {name: ours - _losses(evaluation, validation, name) for name in (*useful, RATE)}
    better = {
        name: float(gain.mean())
        for name, gain in gains.items()
        if gain.mean() > STANDARD_ERRORS * _standard_error(gain, validation.customer_ids)
    }
    return max(better, key=lambda name: better[name], default=BLEND)


def _losses(evaluation: Evaluation, validation: TemporalValidation, part: str) -> Floats:
    """Return the log loss of each validation row."""
    outcome = evaluation.label == 1
    probability = np.clip(served_probability(evaluation, validation, part), PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return -np.log(np.where(outcome, probability, 1 - probability))


def _standard_error(gain: Floats, customer_ids: npt.NDArray[np.object_]) -> float:
    """Return the standard error of the mean; the rows of one customer count together."""
    customer = np.unique(customer_ids.astype(str), return_inverse=True)[1]
    return float(np.sqrt((np.bincount(customer, gain - gain.mean()) ** 2).sum()) / len(gain))


def served_probability(evaluation: Evaluation, validation: TemporalValidation, part: str) -> Floats:
    """Return the validation rows' probabilities by the served part."""
    return _expected_rates(validation) if part == RATE else evaluation.probabilities[part]


def served_metrics(evaluation: Evaluation, validation: TemporalValidation, part: str) -> dict[str, float]:
    """Return the metrics of what is served; empty without validation rows."""
    if not validation.folds:
        return {}
    return compute_metrics(evaluation.label, served_probability(evaluation, validation, part))


def served_of(evaluation: EvaluationRecord) -> ServedRecord:
    """Return the recorded metrics of what a bundle serves; models of before named only the blend's."""
    served = evaluation.get("served") or served_record(BLEND, evaluation.get("measures", {}).get(BLEND, {}))
    return {"part": BLEND, **served}


def served_record(part: str, metrics: Measures) -> ServedRecord:
    """Return the record of a served part and its metrics."""
    return cast(ServedRecord, {"part": part, **metrics})


def served_fallback(part: str, metrics: Mapping[str, float], own: Fallback) -> Fallback:
    """Return the basis that every answer of a grade D model names; ``own`` is that of a history with few outcomes."""
    if not metrics:
        return own if own.en else Fallback.of(own.label, localized("served.unjudged"))
    if part == RATE:
        return Fallback.of("rate", localized("served.rate"))
    if part == BLEND and own.en:
        return own
    figures = {"auc": metrics["auc"], "log_loss": metrics["log_loss"]}
    if part == BLEND:
        return Fallback.of("committee", localized("served.blend", **figures))
    text = localized("served.few" if own.en else "served.part", part=localized(f"member.{part}"), **figures)
    return Fallback.of(own.label, own.reason, text) if own.en else Fallback.of("best_member", text)


def _expected_rates(validation: TemporalValidation) -> Floats:
    return np.concatenate([np.full(len(fold.dataset), fold.expected_rate) for fold in validation.folds])

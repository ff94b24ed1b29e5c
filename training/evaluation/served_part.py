"""What a model serves: the blend, or with grade D the part that its own table shows to be the best."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rapport.metrics import compute_metrics
from rapport.scoring.models.bundle import Fallback
from rapport.scoring.models.matrix import Floats
from rapport.training.evaluation.evaluation import Evaluation
from rapport.training.messages import localized
from rapport.training.stacking.temporal_validation import TemporalValidation

BLEND, RATE = "blend", "rate"
"""``RATE``: the expected rate for everyone, where no part is better than it."""
CHANCE_AUC = 0.5


def choose_served_part(evaluation: Evaluation, validation: TemporalValidation, names: Sequence[str]) -> str:
    """Return ``BLEND``, the name of the member that is served alone, or ``RATE``.

    Only grade D replaces the blend. The part with the least log loss in temporal validation is served, if it ranks
    better than chance and loses less than the expected rate alone; otherwise the rate.
    """
    if evaluation.grade.letter != "D" or not validation.folds:
        return BLEND
    judged = {name: evaluation.metrics[name] for name in (BLEND, *names) if name in evaluation.metrics}
    useful = {name: found for name, found in judged.items() if found["auc"] > CHANCE_AUC}
    best = min(useful, key=lambda name: useful[name]["log_loss"], default=RATE)
    rate = compute_metrics(evaluation.label, _expected_rates(validation))
    return best if best != RATE and useful[best]["log_loss"] < rate["log_loss"] else RATE


def served_probability(evaluation: Evaluation, validation: TemporalValidation, part: str) -> Floats:
    """Return the validation rows' probabilities by the served part."""
    return _expected_rates(validation) if part == RATE else evaluation.probabilities[part]


def served_metrics(evaluation: Evaluation, validation: TemporalValidation, part: str) -> dict[str, float]:
    """Return the metrics of what is served; empty without validation rows."""
    if not validation.folds:
        return {}
    return compute_metrics(evaluation.label, served_probability(evaluation, validation, part))


def served_of(evaluation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the recorded metrics of what a bundle serves; models of before named only the blend's."""
    found: Mapping[str, Any] = evaluation.get("served") or evaluation.get("measures", {}).get(BLEND, {})
    return {"part": BLEND} | dict(found)


def served_fallback(part: str, metrics: Mapping[str, float], own: Fallback) -> Fallback:
    """Return the basis that every answer of a grade D model names; ``own`` is that of a history with few outcomes."""
    if not metrics:
        text = localized("served.unjudged")
        return own if own.en else Fallback(own.label, text.en, text.zh)
    if part == RATE:
        text = localized("served.rate")
        return Fallback("rate", text.en, text.zh)
    if part == BLEND and own.en:
        return own
    figures = {"auc": metrics["auc"], "log_loss": metrics["log_loss"]}
    text = localized("served.few" if own.en else "served.part", part=localized(f"member.{part}"), **figures)
    label = "committee" if part == BLEND else "best_member"
    return replace(own, en=f"{own.en} {text.en}", zh=own.zh + text.zh) if own.en else Fallback(label, text.en, text.zh)


def _expected_rates(validation: TemporalValidation) -> Floats:
    return np.concatenate([np.full(len(fold.dataset), fold.expected_rate) for fold in validation.folds])

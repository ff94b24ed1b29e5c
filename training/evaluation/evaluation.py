"""Evaluate an ensemble: every member and every baseline on the same validation rows, and a grade."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from rapport.metrics import calibration_error, compute_metrics, paired_bootstrap
from rapport.scoring.models.evaluation_record import EvaluationRecord, FoldMetrics, PopulationRecord
from rapport.scoring.models.matrix import Floats
from rapport.training.data.data_sufficiency import DataSufficiency
from rapport.training.evaluation.baselines import fit_baselines
from rapport.training.evaluation.grade import Grade, grade_model
from rapport.training.evaluation.scored_population import ScoredPopulation
from rapport.training.stacking.stacking_weights import out_of_fold_logits, prior_weights
from rapport.training.stacking.temporal_validation import TemporalValidation, match_mean

EDGE = 1e-6
# A bootstrap of more rows gives the same interval and takes longer.
BOOTSTRAP_ROWS = 10_000


@dataclass(frozen=True)
class Evaluation:
    """Probabilities of the blend, each member and each baseline on the validation rows, with their metrics.

    ``like_scored`` has the blend's figures on rows like the customers that can be scored.
    """

    label: Floats
    probabilities: Mapping[str, Floats]
    metrics: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, Mapping[str, list[float]]]
    folds: tuple[FoldMetrics, ...]
    grade: Grade
    out_of_time: bool
    like_scored: PopulationRecord | None = None

    def as_dict(self) -> EvaluationRecord:
        """Return the figures for JSON."""
        return {
            "rows": len(self.label),
            "out_of_time": self.out_of_time,
            "rate": float(self.label.mean()) if len(self.label) else None,
            "measures": {name: dict(values) for name, values in self.metrics.items()},
            "gains": {name: dict(values) for name, values in self.gains.items()},
            "slices": [*self.folds],
            "grade": self.grade.as_dict(),
            "population": self.like_scored,
        }


def evaluate(
    validation: TemporalValidation, target: str, sufficiency: DataSufficiency, population: ScoredPopulation | None
) -> Evaluation:
    """Evaluate the blend, the model without the card, each member and each baseline.

    The grade is that of the customers that can be scored: if they differ from those judged, rows like them decide.
    """
    if not validation.folds or not validation.member_names:
        grade = grade_model({}, {}, sufficiency, out_of_time=False)
        return Evaluation(np.zeros(0), {}, {}, {}, (), grade, out_of_time=False)
    probabilities = _probabilities(validation, target, sufficiency)
    label = validation.label
    metrics = {name: compute_metrics(label, values) for name, values in probabilities.items()}
    newest = slice(0, min(len(validation.folds[0].dataset), BOOTSTRAP_ROWS))
    sample = {name: values[newest] for name, values in probabilities.items()}
    others = {name: values for name, values in sample.items() if name != "blend"}
    gains = paired_bootstrap(label[newest], sample["blend"], others)
    grade = _grade(validation, {"label": label} | probabilities, sufficiency, population)
    folds = _fold_metrics(validation, probabilities["blend"])
    like_scored = population.as_dict(label, probabilities["blend"]) if population else None
    return Evaluation(label, probabilities, metrics, gains, folds, grade, validation.out_of_time, like_scored)


def _grade(
    validation: TemporalValidation,
    judged: Mapping[str, Floats],
    sufficiency: DataSufficiency,
    population: ScoredPopulation | None,
) -> Grade:
    """Grade the blend on the newest fold, by rows like those to be scored if these differ."""
    label, newest = judged["label"], min(len(validation.folds[0].dataset), BOOTSTRAP_ROWS)
    chosen = population.chosen if population else np.arange(len(label))
    rows = chosen[chosen < newest]
    if not len(rows) or label[rows].min() == label[rows].max():
        population, chosen, rows = None, np.arange(len(label)), np.arange(newest)
    figures = {
        name: compute_metrics(label[chosen], values[chosen]) for name, values in judged.items() if name != "label"
    }
    sample = {name: values[rows] for name, values in judged.items()}
    grade = grade_model(sample, figures, sufficiency, out_of_time=validation.out_of_time)
    if population is None or not population.differs:
        return grade
    return replace(grade, reasons=(population.sentence(label, judged["blend"]), *grade.reasons))


def _probabilities(validation: TemporalValidation, target: str, sufficiency: DataSufficiency) -> dict[str, Floats]:
    names = validation.member_names
    logits = {"blend": out_of_fold_logits(validation, prior_weights(names, sufficiency))}
    if "card" in names and len(names) > 1:
        without_card = [name for name in names if name != "card"]
        logits["model"] = out_of_fold_logits(validation, prior_weights(without_card, sufficiency))
    for name in names:
        logits[name] = np.concatenate([match_mean(fold.logits[name], fold.expected_rate) for fold in validation.folds])
    for baseline in fit_baselines(validation.training_set, target):
        rates = [np.clip(baseline.predict(fold.dataset.matrix), EDGE, 1 - EDGE) for fold in validation.folds]
        logits[baseline.name] = logit(np.concatenate(rates))
    return {name: np.asarray(expit(values)) for name, values in logits.items()}


def _fold_metrics(validation: TemporalValidation, blend: Floats) -> tuple[FoldMetrics, ...]:
    metrics: list[FoldMetrics] = []
    start = 0
    for fold in validation.folds:
        label, probability = fold.dataset.label, blend[start : start + len(fold.dataset)]
        start += len(fold.dataset)
        found = compute_metrics(label, probability)
        metrics.append(
            {
                "cutoff": f"{fold.cutoff:%Y-%m-%d}",
                "rows": len(label),
                "rate": float(label.mean()),
                "expected": fold.expected_rate,
                "auc": found["auc"],
                "log_loss": found["log_loss"],
                "calibration_error": calibration_error(label, probability),
            }
        )
    return tuple(metrics)

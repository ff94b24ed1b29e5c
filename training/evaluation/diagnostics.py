"""Diagnostics for the console and the report: comparison, calibration, gain curve, segments, family importance."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from rapport.metrics import Ranking, auc, brier_score
from rapport.scoring import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.evaluation_record import (
    CalibrationBin,
    ComparedPart,
    EvaluationRecord,
    FamilyShare,
    GainPoint,
    SegmentMetrics,
)
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.evaluation.evaluation import Evaluation
from rapport.training.evaluation.served_part import served_of, served_probability
from rapport.training.stacking.temporal_validation import TemporalValidation

SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
BINS = 10
DRAWS = 200
MIN_SEGMENT = 30
EXPLAINED_ROWS = 1_500
SEGMENTS = {
    "churn": ("first_order_days_ago", "spend_sum_365d", "orders_count_365d"),
    "conversion": ("customer_age_days",),
}


def model_diagnostics(
    evaluation: Evaluation, validation: TemporalValidation, bundle: Bundle, current: Matrix
) -> EvaluationRecord:
    """Return every section under the name that the console reads."""
    shown: EvaluationRecord = {"importance": family_importance(bundle, current), "matured": None}
    if not len(evaluation.label):
        return {**shown, "compared": [], "calibration": [], "gain": [], "segments": []}
    served = served_probability(evaluation, validation, served_of(bundle.evaluation)["part"])
    return {
        **shown,
        "compared": [
            _compared(name, evaluation.label, probability) for name, probability in evaluation.probabilities.items()
        ],
        "calibration": calibration_table(evaluation.label, served),
        "gain": gain_curve(evaluation.label, served),
        "segments": segment_table(_matrices(validation), evaluation.label, served, bundle.target),
    }


def calibration_table(label: Floats, probability: Floats) -> list[CalibrationBin]:
    """Return predicted and observed rates by deciles of the customers."""
    bins = np.array_split(np.argsort(probability, kind="stable"), BINS)
    return [
        {"predicted": float(probability[some].mean()), "actual": float(label[some].mean()), "count": len(some)}
        for some in bins
        if len(some)
    ]


def gain_curve(label: Floats, probability: Floats) -> list[GainPoint]:
    """Return the share of all outcomes among the customers with the highest scores, by share of customers."""
    ranked = label[np.argsort(-probability, kind="stable")]
    captured = np.cumsum(ranked) / max(ranked.sum(), 1)
    return [
        {"share": share, "captured": float(captured[max(1, round(share * len(label))) - 1]), "profit": None}
        for share in SHARES
    ]


def family_importance(bundle: Bundle, current: Matrix) -> list[FamilyShare]:
    """Return each family's share of the mean absolute evidence among the current customers."""
    sample = current.take(np.arange(0, len(current), max(1, len(current) // EXPLAINED_ROWS)))
    weights: dict[str, float] = {}
    for member in bundle.members:
        contributions, share = member.contributions(sample), bundle.blend.share(member.name)
        if share == 0:
            continue
        for family, evidence in _by_family(contributions.by_feature, contributions.by_family, bundle).items():
            weights[family] = weights.get(family, 0.0) + share * float(np.abs(evidence).mean())
    total = sum(weights.values()) or 1.0
    ranked = sorted(weights.items(), key=lambda each: -each[1])
    return [{"family": family, "share": weight / total} for family, weight in ranked if weight > 0]


def _by_family(by_feature: Floats | None, by_family: Mapping[str, Floats], bundle: Bundle) -> dict[str, Floats]:
    evidence = {family: np.asarray(values) for family, values in by_family.items()}
    if by_feature is not None:
        for index, column in enumerate(bundle.columns):
            evidence[column.family] = evidence.get(column.family, 0.0) + by_feature[:, index]
    return evidence


def _compared(name: str, label: Floats, probability: Floats) -> ComparedPart:
    generator, ranking = np.random.default_rng(0), Ranking(label, probability)
    aucs = []
    for _ in range(DRAWS if len(label) <= 10_000 else 40):
        chosen = generator.integers(0, len(label), len(label))
        aucs.append(ranking.auc(np.bincount(chosen, minlength=len(label))))
    low, high = np.nanpercentile(aucs, [2.5, 97.5])
    return {
        "name": name,
        "auc": ranking.auc(),
        "average_precision": ranking.average_precision(),
        "brier": brier_score(label, probability),
        "low": float(low),
        "high": float(high),
    }


def _matrices(validation: TemporalValidation) -> list[Matrix]:
    return [fold.dataset.matrix for fold in validation.folds]


def segment_table(matrices: Sequence[Matrix], label: Floats, probability: Floats, target: str) -> list[SegmentMetrics]:
    """Return the metrics by tenure, size and frequency, and by each fixed attribute."""
    found = []
    for column in matrices[0].columns:
        if (column.is_category and column.family == "fit") or column.name in SEGMENTS[target]:
            values = np.concatenate([matrix.column(column.name) for matrix in matrices])
            names, groups = _groups(column, values)
            found += [
                _segment(column.name, name, groups == index, label, probability) for index, name in enumerate(names)
            ]
    return [segment for segment in found if segment["count"] >= MIN_SEGMENT]


def _groups(column: FeatureColumn, values: Floats) -> tuple[list[str], Floats]:
    """Return the names of the levels, or of thirds of the values, and each row's group index; -1 for unknown."""
    if column.is_category:
        return list(column.levels), np.where(np.isnan(values), -1, values)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, (1 / 3, 2 / 3))) if len(known) else np.zeros(0)
    bounds = [0.0, *edges.tolist(), float(known.max(initial=0.0))]
    names = [f"{low:,.0f} – {high:,.0f}" for low, high in pairwise(bounds)]
    return names, np.where(np.isnan(values), -1.0, np.searchsorted(edges, values, side="right"))


def _segment(by: str, value: str, chosen: Floats, label: Floats, blend: Floats) -> SegmentMetrics:
    outcome, probability = label[chosen], blend[chosen]
    return {
        "by": by,
        "value": value,
        "count": len(outcome),
        "rate": float(outcome.mean()) if len(outcome) else None,
        "predicted": float(probability.mean()) if len(outcome) else None,
        "auc": auc(outcome, probability) if len(outcome) and 0 < outcome.mean() < 1 else None,
    }

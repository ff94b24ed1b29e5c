"""What the console and the report show of a model: compared parts, calibration, gain and profit, slices, importance."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from rapport.scoring import Bundle
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.assessment import Assessment
from rapport.training.evaluate import average_precision, brier
from rapport.training.fitting.linear import auc
from rapport.training.trial import Trial

SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
PARTS = 10
DRAWS = 200
LEAST = 30
EXPLAINED = 1_500
SEGMENTS = {
    "churn": ("first_order_days_ago", "spend_sum_365d", "orders_count_365d"),
    "conversion": ("customer_age_days",),
}


def standing(assessment: Assessment, trial: Trial, bundle: Bundle, now: Matrix) -> dict[str, Any]:
    """Give every section under the name that the console reads it by."""
    shown: dict[str, Any] = {"importance": importance(bundle, now), "matured": None}
    if not len(assessment.label):
        return shown | {"compared": [], "calibration": [], "gain": [], "segments": []}
    blend = assessment.said["blend"]
    return shown | {
        "compared": [_compared(name, assessment.label, said) for name, said in assessment.said.items()],
        "calibration": calibration(assessment.label, blend),
        "gain": gain(assessment.label, blend),
        "segments": _segments(trial, assessment.label, blend, bundle.target),
    }


def calibration(label: Floats, probability: Floats) -> list[dict[str, float]]:
    """Return said and seen rates by tenths of the customers."""
    parts = np.array_split(np.argsort(probability, kind="stable"), PARTS)
    return [
        {"predicted": float(probability[part].mean()), "actual": float(label[part].mean()), "count": len(part)}
        for part in parts
        if len(part)
    ]


def gain(label: Floats, probability: Floats) -> list[dict[str, float | None]]:
    """Return the share of all outcomes that the top shares of customers hold."""
    ranked = label[np.argsort(-probability, kind="stable")]
    held = np.cumsum(ranked) / max(ranked.sum(), 1)
    return [
        {"share": share, "captured": float(held[max(1, round(share * len(label))) - 1]), "profit": None}
        for share in SHARES
    ]


def importance(bundle: Bundle, now: Matrix) -> list[dict[str, Any]]:
    """Return each family's share of the mean absolute evidence among those who are scored now."""
    some = now.take(np.arange(0, len(now), max(1, len(now) // EXPLAINED)))
    weights: dict[str, float] = {}
    for expert in bundle.experts:
        reading, share = expert.read(some), bundle.blend.share(expert.name)
        if share == 0:
            continue
        for family, part in _by_family(reading.by_feature, reading.by_family, bundle).items():
            weights[family] = weights.get(family, 0.0) + share * float(np.abs(part).mean())
    whole = sum(weights.values()) or 1.0
    ranked = sorted(weights.items(), key=lambda each: -each[1])
    return [{"family": family, "share": weight / whole} for family, weight in ranked if weight > 0]


def _by_family(by_feature: Floats | None, by_family: Mapping[str, Floats], bundle: Bundle) -> dict[str, Floats]:
    parts = {family: np.asarray(part) for family, part in by_family.items()}
    if by_feature is not None:
        for place, column in enumerate(bundle.columns):
            parts[column.family] = parts.get(column.family, 0.0) + by_feature[:, place]
    return parts


def _compared(name: str, label: Floats, said: Floats) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS if len(label) <= 10_000 else 40):
        chosen = draw.integers(0, len(label), len(label))
        drawn.append(auc(label[chosen], said[chosen]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {
        "name": name,
        "auc": auc(label, said),
        "average_precision": average_precision(label, said),
        "brier": brier(label, said),
        "low": float(low),
        "high": float(high),
    }


def _segments(trial: Trial, label: Floats, blend: Floats, target: str) -> list[dict[str, Any]]:
    """Return how the blend does by tenure, size and frequency, and by each fixed attribute."""
    parts = [part.rows.matrix for part in trial.judged]
    found = []
    for column in parts[0].columns:
        if column.is_category or column.name in SEGMENTS[target]:
            values = np.concatenate([part.number(column.name) for part in parts])
            names, groups = _groups(column, values)
            found += [_segment(column.name, name, groups == place, label, blend) for place, name in enumerate(names)]
    return [segment for segment in found if segment["count"] >= LEAST]


def _groups(column: Column, values: Floats) -> tuple[list[str], Floats]:
    """Return the names of the levels, or of thirds of the values, and each row's place among them; -1 for unknown."""
    if column.is_category:
        return list(column.levels), np.where(np.isnan(values), -1, values)
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, (1 / 3, 2 / 3))) if len(known) else np.zeros(0)
    bounds = [0.0, *edges.tolist(), float(known.max(initial=0.0))]
    names = [f"{low:,.0f} – {high:,.0f}" for low, high in pairwise(bounds)]
    return names, np.where(np.isnan(values), -1.0, np.searchsorted(edges, values, side="right"))


def _segment(by: str, value: str, chosen: Floats, label: Floats, blend: Floats) -> dict[str, Any]:
    some, said = label[chosen], blend[chosen]
    return {
        "by": by,
        "value": value,
        "count": len(some),
        "rate": float(some.mean()) if len(some) else None,
        "predicted": float(said.mean()) if len(some) else None,
        "auc": auc(some, said) if len(some) and 0 < some.mean() < 1 else None,
    }

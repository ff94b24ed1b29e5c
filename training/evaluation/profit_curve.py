"""The profit curve: the profit of contacting the customers with the highest expected value, and how many to contact."""

from typing import Any

import numpy as np

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.spend_model import SpendModel
from rapport.training.evaluation.training_run import TrainingRun, validated_probability

MARGIN, RETENTION, CONTACT_COST = 0.3, 0.2, 0.002
"""Profit share of spend; share of churning customers that a contact retains; its cost per mean expected spend."""
CURVE_POINTS = 40
WEEKS_PER_YEAR = 52


def profit_curve(run: TrainingRun, spend: SpendModel | None) -> dict[str, Any]:
    """Return the profit curve on the newest fold, the most profitable share, and the profit at the team's capacity.

    A contact retains a churning customer with probability ``RETENTION``, and with it ``MARGIN`` of its expected spend;
    every contact costs the same. The three are assumptions, printed beside the figures.
    """
    if spend is None or not run.validation.folds:
        return {}
    fold = run.validation.folds[0]
    count = len(fold.dataset)
    probability = validated_probability(run)[:count]
    value = np.nan_to_num(spend.expected(fold.dataset.matrix))
    cost = CONTACT_COST * float(value.mean())
    gain = fold.dataset.label * value * MARGIN * RETENTION - cost
    order = np.argsort(-probability * value, kind="stable")
    curve = np.cumsum(gain[order])
    best = int(np.argmax(curve)) + 1 if curve.max() > 0 else 0
    calls = min(run.history.settings.calls_per_week * WEEKS_PER_YEAR, count)
    return {
        "assumed": {"margin": MARGIN, "saved": RETENTION, "call_cost": cost},
        "curve": _points(curve),
        "by_probability": _points(np.cumsum(gain[np.argsort(-probability, kind="stable")])),
        "best_calls": best,
        "best_share": best / count,
        "best_profit": float(curve[best - 1]) if best else 0.0,
        "team_calls": calls,
        "team_profit": float(curve[calls - 1]) if calls else 0.0,
        "value_at_risk": float((probability * value).sum()),
    }


def _points(curve: Floats) -> list[dict[str, float]]:
    positions = np.unique(np.linspace(1, len(curve), min(CURVE_POINTS, len(curve))).astype(int))
    return [{"share": position / len(curve), "profit": float(curve[position - 1])} for position in positions.tolist()]

"""Whom to call: the profit of calling the customers most worth it, and how many calls pay."""

from typing import Any

import numpy as np
from rapport.scoring.matrix import Floats
from rapport.scoring.spend import Spend
from rapport.training.assembly import Made

MARGIN, SAVED, CALL = 0.3, 0.2, 0.002
"""Of spend kept as profit; of leaving customers kept by a call; cost of a call as a part of the mean expected spend."""
STEPS = 40
WEEKS = 52


def profit(made: Made, spend: Spend | None) -> dict[str, Any]:
    """Return the profit curve on the newest later slice, the share that pays most, and what the team's calls reach.

    A call to a customer who would leave keeps it with the chance ``SAVED``, and with it ``MARGIN`` of its expected
    spend; every call costs the same. The three are assumptions, printed beside the figures.
    """
    if spend is None or not made.trial.judged:
        return {}
    part = made.trial.judged[0]
    count = len(part.rows)
    said = made.assessment.said["blend"][:count]
    worth = np.nan_to_num(spend.expected(part.rows.matrix))
    cost = CALL * float(worth.mean())
    won = part.rows.label * worth * MARGIN * SAVED - cost
    order = np.argsort(-said * worth, kind="stable")
    curve = np.cumsum(won[order])
    best = int(np.argmax(curve)) + 1 if curve.max() > 0 else 0
    calls = min(made.history.settings.calls_per_week * WEEKS, count)
    return {
        "assumed": {"margin": MARGIN, "saved": SAVED, "call_cost": cost},
        "curve": _points(curve),
        "by_probability": _points(np.cumsum(won[np.argsort(-said, kind="stable")])),
        "best_calls": best,
        "best_share": best / count,
        "best_profit": float(curve[best - 1]) if best else 0.0,
        "team_calls": calls,
        "team_profit": float(curve[calls - 1]) if calls else 0.0,
        "value_at_risk": float((said * worth).sum()),
    }


def _points(curve: Floats) -> list[dict[str, float]]:
    places = np.unique(np.linspace(1, len(curve), min(STEPS, len(curve))).astype(int))
    return [{"share": place / len(curve), "profit": float(curve[place - 1])} for place in places.tolist()]

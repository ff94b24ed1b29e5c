"""The profit curve: what contacts would have earned, by the same model of money as the worklist."""

import numpy as np

from rapport.scoring.models.evaluation_record import ProfitPoint, ProfitRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.spend_model import SpendModel
from rapport.scoring.money.amounts import CustomerFacts, customer_amounts, work_lists
from rapport.scoring.money.assumptions import Assumptions
from rapport.training.evaluation.training_run import TrainingRun, validated_probability

CURVE_POINTS = 40
WEEKS_PER_YEAR = 52
_DAYS_PER_YEAR = 365.0


def profit_curve(run: TrainingRun, spend: SpendModel | None) -> ProfitRecord:
    """Return the profit curve on the newest fold, the most profitable share, and the profit at the team's capacity.

    Customers are contacted in the order of the worklist: by savable money, those probably lost last. A contact with a
    customer who churned earned its effect × margin of the expected spend; every contact costs the same. The
    assumptions are the company's settings, and stand beside the figures.
    """
    if spend is None or not run.validation.folds:
        return {}
    fold = run.validation.folds[0]
    count, settings = len(fold.dataset), run.history.settings
    facts = _facts(fold.dataset.matrix, validated_probability(run)[:count], spend, run.task.horizon_days)
    yearly = float(np.nan_to_num(_column(fold.dataset.matrix, spend.feature)).mean())
    assumptions = Assumptions.of(settings).with_contact_cost(yearly * facts.horizon_days / _DAYS_PER_YEAR)
    amounts = customer_amounts(facts, assumptions)
    earned = fold.dataset.label * facts.spend * amounts.contact_effect * assumptions.margin - assumptions.contact_cost
    lists = work_lists(facts, amounts.savable, np.zeros(count, dtype=bool))
    curve = np.cumsum(earned[np.lexsort((-amounts.savable, lists == "probably_lost"))])
    best = int(np.argmax(curve)) + 1 if curve.max() > 0 else 0
    calls = min(settings.calls_per_week * WEEKS_PER_YEAR, count)
    return {
        "assumed": assumptions.figures(),
        "cutoff": f"{fold.cutoff:%Y-%m-%d}",
        "curve": _points(curve),
        "by_probability": _points(np.cumsum(earned[np.argsort(-facts.probability, kind="stable")])),
        "best_calls": best,
        "best_share": best / count,
        "best_profit": float(curve[best - 1]) if best else 0.0,
        "team_calls": calls,
        "team_profit": float(curve[calls - 1]) if calls else 0.0,
        "value_at_risk": float(amounts.revenue_at_risk.sum()),
    }


def _facts(rows: Matrix, probability: Floats, spend: SpendModel, horizon_days: float) -> CustomerFacts:
    return CustomerFacts(
        state=np.full(len(rows), "active", dtype=object),
        probability=probability,
        low=probability,
        high=probability,
        spend=np.maximum(np.nan_to_num(spend.expected(rows)), 0.0),
        silence=_column(rows, "overdue_ratio"),
        horizon_days=horizon_days,
    )


def _column(rows: Matrix, name: str) -> Floats:
    return rows.column(name) if name in rows.positions else np.full(len(rows), np.nan)


def _points(curve: Floats) -> list[ProfitPoint]:
    positions = np.unique(np.linspace(1, len(curve), min(CURVE_POINTS, len(curve))).astype(int))
    return [{"share": position / len(curve), "profit": float(curve[position - 1])} for position in positions.tolist()]

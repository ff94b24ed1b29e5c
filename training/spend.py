"""What a customer who stays is expected to spend within the horizon: a model judged on the same later slices."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from rapport.history import History
from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.spend import Spend
from rapport.training.rows import Question, Rows

FEATURE = "spend_sum_365d"
KNOTS = 12
LEAST = 50


def fit_spend(history: History, question: Question, rows: Rows) -> tuple[Spend | None, dict[str, Any]]:
    """Fit coming spend over past spend to those who stayed, in the shape that erred least on the newest slice."""
    moments = [rows.cutoffs[place] for place in np.unique(rows.moment)]
    if question.target != "churn" or FEATURE not in rows.matrix.place:
        return None, {}
    to_come = {moment: _spent(history, question, moment) for moment in moments}
    came = np.array(
        [to_come[rows.cutoffs[moment]].get(name, 0.0) for name, moment in zip(rows.ids, rows.moment, strict=True)]
    )
    stayed = (rows.label == 0) & ~np.isnan(rows.matrix.number(FEATURE))
    newest = rows.moment == np.unique(rows.moment)[0]
    if (stayed & ~newest).sum() < LEAST:
        return None, {}
    past, later = rows.matrix.number(FEATURE), rows.matrix.take(np.flatnonzero(stayed & newest))
    judged = {
        shape: _judged(fit(past[stayed & ~newest], came[stayed & ~newest]), later, came[stayed & newest], question)
        for shape, fit in SHAPES.items()
    }
    best = min(judged, key=lambda shape: judged[shape].get("mean_error", 0.0))
    return SHAPES[best](past[stayed], came[stayed]), {"shape": best} | judged[best]


def _line(past: Floats, came: Floats) -> Spend:
    """Take the same part of past spend for everyone."""
    return Spend(FEATURE, (0.0, 1.0), (0.0, float(came.sum() / max(past.sum(), 1e-9))))


def _curve(past: Floats, came: Floats) -> Spend:
    """Take the mean of what came in parts of equal count, never falling as past spend rises."""
    parts = [part for part in np.array_split(np.argsort(past, kind="stable"), KNOTS) if len(part)]
    knots = np.array([past[part].mean() for part in parts])
    values = np.array([came[part].mean() for part in parts])
    knots, places = np.unique(knots, return_index=True)
    return Spend(FEATURE, tuple(knots.tolist()), tuple(np.maximum.accumulate(values[places]).tolist()))


SHAPES: Mapping[str, Callable[[Floats, Floats], Spend]] = {"line": _line, "curve": _curve}


def _judged(spend: Spend, rows: Matrix, came: Floats, question: Question) -> dict[str, Any]:
    """Compare with "as in the last 12 months", scaled to the horizon."""
    if not len(rows):
        return {}
    said = spend.expected(rows)
    naive = rows.number(FEATURE) * min(question.horizon_days / 365, 1.0)
    return {
        "rows": len(rows),
        "mean_expected": float(said.mean()),
        "mean_came": float(came.mean()),
        "mean_error": float(np.abs(said - came).mean()),
        "mean_error_as_last_year": float(np.abs(naive - came).mean()),
        "rank_correlation": _rank_correlation(said, came),
    }


def _rank_correlation(left: Floats, right: Floats) -> float:
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (left, right)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(left) > 2 else float("nan")


def _spent(history: History, question: Question, cutoff: datetime) -> dict[str, float]:
    """Return what each customer ordered in the horizon after ``cutoff``, as far as known at ``question.as_of``."""
    found = history.connection.execute(
        "SELECT customer_id, sum(amount) FROM orders WHERE amount > 0 AND ordered_at >= ? AND ordered_at < ? "
        "AND coalesce(recorded_at, ordered_at) < ? GROUP BY customer_id",
        [cutoff, question.horizon.after(cutoff), question.as_of],
    ).fetchall()
    return {str(name): float(amount) for name, amount in found}

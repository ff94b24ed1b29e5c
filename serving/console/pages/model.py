"""Model quality: grade, comparison with baselines, calibration, drift, versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.responses import Response

from rapport.serving.console.page_context import PageContext

_SECTIONS = (
    "grade", "compared", "calibration", "matured", "gain", "weights", "drift", "slices", "gates", "versions",
    "importance", "mlflow", "profit",
)  # fmt: skip
_MEMBERS = ("trees", "linear", "newest", "many", "corrected", "model")
_BIAS, _NOTABLE_GAIN = 0.02, 0.002
_BASELINES = ("card", "rhythm", "recency", "rfm_cells", "base_rate")


def show(page: PageContext) -> Response:
    """Show the champion of a target."""
    model = {**dict.fromkeys(_SECTIONS), **page.application.model(page.target, language=page.language)}
    return page.render(
        "model.html",
        model=model,
        gain=_gain_curve(model["gain"], model["profit"]),
        best_baseline=_best_baseline(model["compared"]),
        bias=_bias(model["slices"]),
        better_member=_better_member(model["compared"]),
    )


def _bias(rows: list[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """Return the predicted and observed share over all cutoffs when they differ in the same direction everywhere."""
    known = [
        row for row in rows or () if row["by"] == "cutoff" and row["predicted"] is not None and row["rate"] is not None
    ]
    count = sum(row["count"] for row in known)
    if not count:
        return None
    predicted = sum(row["predicted"] * row["count"] for row in known) / count
    actual = sum(row["rate"] * row["count"] for row in known) / count
    same_side = len({row["predicted"] > row["rate"] for row in known}) == 1
    if not same_side or abs(predicted - actual) < _BIAS:
        return None
    return {"key": f"model.bias_{'high' if predicted > actual else 'low'}", "predicted": predicted, "actual": actual}


def _better_member(rows: list[Mapping[str, Any]] | None) -> Mapping[str, Any] | None:
    """Return the ensemble member that ranks better than the ensemble; None when the ensemble is best."""
    own = next((row for row in rows or () if row["name"] == "blend"), None)
    others = [row for row in rows or () if row["name"] in _MEMBERS and row["average_precision"] is not None]
    best = max(others, key=lambda row: float(row["average_precision"]), default=None)
    if own is None or best is None or best["average_precision"] - own["average_precision"] < _NOTABLE_GAIN:
        return None
    return best


def _best_baseline(rows: list[Mapping[str, Any]] | None) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return the blend and the best of what a company could do without it."""
    blend = next((row for row in rows or () if row["name"] == "blend"), None)
    baselines = [row for row in rows or () if row["name"] in _BASELINES and row["average_precision"] is not None]
    if blend is None or not baselines:
        return None
    return blend, max(baselines, key=lambda row: float(row["average_precision"]))


def _gain_curve(rows: list[Mapping[str, Any]] | None, profit: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the cumulative gain by share of customers contacted, with the profit when money is known.

    ``earned`` is the profit with its assumptions; models of versions with fixed assumptions have none.
    """
    if not rows:
        return None
    rows = rows if rows[0]["share"] == 0 else [{"share": 0.0, "captured": 0.0, "profit": 0.0}, *rows]
    if profit and profit.get("curve"):
        rows = _with_profit(rows, profit["curve"])
    profits = [row for row in rows if row.get("profit") is not None]
    tenth = min(rows, key=lambda row: abs(row["share"] - 0.1))
    return {
        "share": [row["share"] for row in rows],
        "captured": [row["captured"] for row in rows],
        "profit": [row.get("profit") for row in rows] if len(profits) > 1 else None,
        "at_tenth": tenth["captured"],
        "earned": profit if profit and "contact_effect" in profit.get("assumed", {}) else None,
    }


def _with_profit(rows: Sequence[Mapping[str, Any]], curve: Sequence[Mapping[str, float]]) -> list[Mapping[str, Any]]:
    """Join two curves over the share contacted, each interpolated between its own points."""
    shares = sorted({row["share"] for row in rows} | {point["share"] for point in curve})
    captured = np.interp(shares, [row["share"] for row in rows], [row["captured"] for row in rows])
    knots = [0.0, *(point["share"] for point in curve)], [0.0, *(point["profit"] for point in curve)]
    profits = np.interp(shares, *knots)
    return [
        {"share": share, "captured": float(gain), "profit": float(profit)}
        for share, gain, profit in zip(shares, captured, profits, strict=True)
    ]

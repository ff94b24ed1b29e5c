"""Whether to trust the number: grade, comparisons, calibration, drift, versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rapport.serving.console.visit import Visit
from starlette.responses import Response

_SECTIONS = (
    "grade",
    "compared",
    "calibration",
    "matured",
    "gain",
    "weights",
    "drift",
    "slices",
    "gates",
    "versions",
    "importance",
    "mlflow",
    "profit",
)
_RIVALS = ("card", "rhythm", "recency", "rfm_cells", "base_rate")


def show(visit: Visit) -> Response:
    """Show the champion of a target."""
    model = {**dict.fromkeys(_SECTIONS), **visit.desk.model(visit.target, language=visit.language)}
    return visit.show(
        "model.html", model=model, gain=_gain(model["gain"], model["profit"]), rival=_rival(model["compared"])
    )


def _rival(rows: list[Mapping[str, Any]] | None) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return the blend and the best of what a company could do without it."""
    own = next((row for row in rows or () if row["name"] == "blend"), None)
    others = [row for row in rows or () if row["name"] in _RIVALS and row["average_precision"] is not None]
    return (own, max(others, key=lambda row: float(row["average_precision"]))) if own and others else None


def _gain(rows: list[Mapping[str, Any]] | None, profit: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the curve of churners found by share of customers called, with the best profit when money is known."""
    if not rows:
        return None
    rows = rows if rows[0]["share"] == 0 else [{"share": 0.0, "captured": 0.0, "profit": 0.0}, *rows]
    if profit and profit.get("curve"):
        rows = _with_profit(rows, profit["curve"])
    profits = [row for row in rows if row.get("profit") is not None]
    near = min(rows, key=lambda row: abs(row["share"] - 0.1))
    return {
        "share": [row["share"] for row in rows],
        "captured": [row["captured"] for row in rows],
        "profit": [row.get("profit") for row in rows] if len(profits) > 1 else None,
        "at_tenth": near["captured"],
        "best": max(profits, key=lambda row: float(row["profit"])) if len(profits) > 1 else None,
    }


def _with_profit(rows: Sequence[Mapping[str, Any]], curve: Sequence[Mapping[str, float]]) -> list[Mapping[str, Any]]:
    """Join two curves over the share called, each read between its own points."""
    shares = sorted({row["share"] for row in rows} | {point["share"] for point in curve})
    found = np.interp(shares, [row["share"] for row in rows], [row["captured"] for row in rows])
    starts = [0.0, *(point["share"] for point in curve)], [0.0, *(point["profit"] for point in curve)]
    earned = np.interp(shares, *starts)
    return [
        {"share": share, "captured": float(captured), "profit": float(profit)}
        for share, captured, profit in zip(shares, found, earned, strict=True)
    ]

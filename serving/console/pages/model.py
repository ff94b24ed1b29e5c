"""Whether to trust the number: grade, comparisons, calibration, drift, versions."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from serving.console.visit import Visit

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
)


def show(visit: Visit) -> Response:
    """Show the champion of a target."""
    model = {**dict.fromkeys(_SECTIONS), **visit.desk.model(visit.target, language=visit.language)}
    return visit.show("model.html", model=model, gain=_gain(model["gain"]))


def _gain(rows: list[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """Return the curve of churners found by share of customers called, with the best profit when money is known."""
    if not rows:
        return None
    rows = rows if rows[0]["share"] == 0 else [{"share": 0.0, "captured": 0.0, "profit": 0.0}, *rows]
    profits = [row for row in rows if row.get("profit") is not None]
    near = min(rows, key=lambda row: abs(row["share"] - 0.1))
    return {
        "share": [row["share"] for row in rows],
        "captured": [row["captured"] for row in rows],
        "profit": [row.get("profit") for row in rows] if len(profits) > 1 else None,
        "at_tenth": near["captured"],
        "best": max(profits, key=lambda row: float(row["profit"])) if len(profits) > 1 else None,
    }

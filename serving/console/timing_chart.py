"""The curve of a customer's timing, as pages draw it: points, and a dashed part where it is extrapolated."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

WIDTH, HEIGHT = 460, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 24
_SHOWN = ("1mo", "3mo", "6mo", "12mo", "18mo", "24mo")


def timing_chart(timing: Mapping[str, Any] | None, answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the geometry of the curve; None without one."""
    if not timing or not timing["curve"]:
        return None
    start, curve = date.fromisoformat(str(answer["as_of"])[:10]), timing["curve"]
    end = date.fromisoformat(curve[-1]["date"])
    first = 1.0 if timing["event"] == "order" else 0.0
    days = [0, *((date.fromisoformat(point["date"]) - start).days for point in curve)]
    chances = [first, *(point["probability"] for point in curve)]
    known = 1 + sum(not point["extrapolated"] for point in curve)
    points = [(_x(day, (end - start).days), _y(chance)) for day, chance in zip(days, chances, strict=True)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "observed": _polyline(points[:known]),
        "extrapolated": _polyline(points[known - 1 :]) if known < len(points) else "",
        "levels": [(_y(level), level) for level in (0.0, 0.5, 1.0)],
        "months": [(_x(days[month], days[-1]), month) for month in range(6, len(curve) + 1, 6)],
        "left": _LEFT,
        "right": WIDTH - _RIGHT,
        "base": HEIGHT - 6,
        "rows": [point for point in curve if point["horizon"] in _SHOWN],
    }


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _x(day: float, days: int) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * day / days, 1)


def _y(chance: float) -> float:
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1.0 - chance), 1)

"""Geometry of the charts that pages draw as SVG: waterfalls, stakeholder map, account hierarchy, curve of timing."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from rapport.serving.shapes.answers import Answer, ChangeAnswer, ChangePart, Reason, Timing, TimingPoint
from rapport.serving.shapes.customer_parts import AccountNode, Person, Stakeholders

SHOWN_DIGITS = 1
_LARGEST_CHANGES = 7
_MOST_PEOPLE = 9
_ROLE_ORDER = ("decision_maker", "finance", "influencer", "user", "other")


# A ratio as sentences write it.
_WRITTEN_RATIO = re.compile(r"\d ?(%|times|倍)")


@dataclass(frozen=True)
class WaterfallStep:
    """One bar of a waterfall, in shares of one: its start and its length."""

    kind: str
    start: float
    points: float
    reason: Reason | ChangePart | None = None

    @property
    def end(self) -> float:
        """Where the next bar starts."""
        return self.start + self.points

    @property
    def shows_fact(self) -> bool:
        """Whether a number helps beside the sentence: a slope says nothing beside "has been falling"."""
        reason = self.reason
        return (
            reason is None
            or reason.get("unit") != "ratio"
            or _WRITTEN_RATIO.search(str(reason.get("text"))) is not None
        )


def waterfall(answer: Answer) -> list[WaterfallStep]:
    """Stack the reasons of an answer that has a probability, from the base rate to it.

    "Other factors" is computed from the rounded numbers, so that the numbers of the page add up to the shown total.
    """
    base_rate, probability = answer["base_rate"], answer["probability"]
    assert base_rate is not None
    assert probability is not None
    base, final = _rounded(base_rate), _rounded(probability)
    steps = [WaterfallStep("base", 0.0, base)]
    for reason in answer["reasons"]:
        steps.append(WaterfallStep("reason", steps[-1].end, _rounded(reason["points"]), reason))
    rest = _rounded(final - steps[-1].end)
    if rest:
        steps.append(WaterfallStep("rest", steps[-1].end, rest))
    return [*steps, WaterfallStep("final", 0.0, final)]


def change_steps(change: ChangeAnswer) -> list[WaterfallStep]:
    """Stack the largest parts of a change from the earlier probability to the later."""
    before, after = _rounded(change["before"]), _rounded(change["after"])
    steps = [WaterfallStep("base", 0.0, before)]
    largest = sorted(change["parts"], key=lambda part: -abs(part["points"]))[:_LARGEST_CHANGES]
    for part in largest:
        if _rounded(part["points"]):
            steps.append(WaterfallStep("reason", steps[-1].end, _rounded(part["points"]), part))
    rest = _rounded(after - steps[-1].end)
    if rest:
        steps.append(WaterfallStep("rest", steps[-1].end, rest))
    return [*steps, WaterfallStep("final", 0.0, after)]


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to pixels."""

    low: float
    high: float
    width: float

    def at(self, value: float) -> float:
        """Return the pixel of a value, clipped to the axis."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(min(max(share, 0.0), 1.0) * self.width, 2)


def axis_of(steps: Sequence[WaterfallStep], width: float) -> Axis:
    """Return an axis from zero to a little beyond the longest bar."""
    highest = max(max(step.start, step.end) for step in steps)
    return Axis(min(0.0, *(step.end for step in steps)), max(0.05, math.ceil(highest * 10.5) / 10), width)


@dataclass(frozen=True)
class StakeholderNode:
    """One circle of the stakeholder map: a person, or a role that nobody fills."""

    x: float
    y: float
    name: str
    role: str
    strength: float
    last: str | None
    level: str

    @property
    def is_gap(self) -> bool:
        """Whether nobody is known in this role."""
        return not self.name


def stakeholder_layout(stakeholders: Stakeholders, width: float, height: float) -> list[StakeholderNode]:
    """Place people and missing roles on a half circle around our company, grouped by role."""
    people = sorted(stakeholders["people"], key=lambda who: (_role_rank(who["role"]), -(who["strength"] or 0)))
    entries: list[tuple[str, Person | None]] = [(str(who["role"]), who) for who in people[:_MOST_PEOPLE]]
    entries += [(role, None) for role in stakeholders["gaps"]]
    entries.sort(key=lambda entry: _role_rank(entry[0]))
    middle, radius_x, radius_y = width / 2, width / 2 - 62, height - 86
    nodes = []
    for index, (role, who) in enumerate(entries):
        angle = math.pi * (index + 0.5) / len(entries)
        # Every second node stands closer, so that the names of a long row do not overlap.
        reach = 1.0 if len(entries) < 5 or index % 2 == 0 else 0.66
        x, y = middle - radius_x * reach * math.cos(angle), height - 34 - radius_y * reach * math.sin(angle)
        nodes.append(
            StakeholderNode(
                round(x, 1),
                round(y, 1),
                (who["name"] or "") if who else "",
                role,
                (who["strength"] or 0.0) if who else 0.0,
                who["last"] if who else None,
                (who["level"] or "") if who else "",
            )
        )
    return nodes


def flatten_hierarchy(node: AccountNode, depth: int = 0) -> list[tuple[int, AccountNode]]:
    """List an account hierarchy depth-first from its root, each account with its depth."""
    below = [entry for child in node.get("children", ()) for entry in flatten_hierarchy(child, depth + 1)]
    return [(depth, node), *below]


def _rounded(share: float) -> float:
    # As the page writes it: of a percentage the last digit shown, which rounding a share of one may miss by one.
    return round(share * 100, SHOWN_DIGITS) / 100


def _role_rank(role: str | None) -> int:
    return _ROLE_ORDER.index(role) if role in _ROLE_ORDER else len(_ROLE_ORDER)


WIDTH, HEIGHT = 460, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 24
_SHOWN = ("1mo", "3mo", "6mo", "12mo", "18mo", "24mo")


class TimingChart(TypedDict):
    """The curve of timing in pixels: ``levels`` and ``months`` are its grid, ``rows`` the points of the table below."""

    width: int
    height: int
    observed: str
    extrapolated: str
    levels: list[tuple[float, float]]
    months: list[tuple[float, int]]
    left: int
    right: int
    base: int
    rows: list[TimingPoint]


def timing_chart(timing: Timing | None, as_of: str) -> TimingChart | None:
    """Return the geometry of the curve; None without one."""
    if not timing or not timing["curve"]:
        return None
    start, curve = date.fromisoformat(as_of[:10]), timing["curve"]
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

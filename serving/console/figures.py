"""Shapes that pages draw as SVG: the waterfall, the decision chain, the lines' events."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 3
_MOST_PARTS = 7


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall, in shares of one: where it starts and how far it goes."""

    kind: str
    start: float
    points: float
    reason: Mapping[str, Any] | None = None

    @property
    def end(self) -> float:
        """Where the next bar starts."""
        return self.start + self.points


def waterfall(answer: Mapping[str, Any]) -> list[Step]:
    """Lay an answer's reasons end to end, from the base rate to the probability.

    What is left for "everything else" is taken from the shown digits, so that a reader who adds up the page gets
    the printed number.
    """
    base, final = _shown(answer["base_rate"]), _shown(answer["probability"])
    steps = [Step("base", 0.0, base)]
    for reason in answer["reasons"]:
        steps.append(Step("reason", steps[-1].end, _shown(reason["points"]), reason))
    rest = _shown(final - steps[-1].end)
    if rest:
        steps.append(Step("rest", steps[-1].end, rest))
    return [*steps, Step("final", 0.0, final)]


def change_steps(change: Mapping[str, Any]) -> list[Step]:
    """Lay the largest parts of a change end to end, from the earlier probability to the later."""
    before, after = _shown(change["before"]), _shown(change["after"])
    steps = [Step("base", 0.0, before)]
    largest = sorted(change["parts"], key=lambda part: -abs(part["points"]))[:_MOST_PARTS]
    for part in largest:
        if _shown(part["points"]):
            steps.append(Step("reason", steps[-1].end, _shown(part["points"]), part))
    rest = _shown(after - steps[-1].end)
    if rest:
        steps.append(Step("rest", steps[-1].end, rest))
    return [*steps, Step("final", 0.0, after)]


@dataclass(frozen=True)
class Axis:
    """A straight scale from values to pixels."""

    low: float
    high: float
    width: float

    def at(self, value: float) -> float:
        """Return the pixel of a value, inside the axis."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(min(max(share, 0.0), 1.0) * self.width, 2)


def axis_of(steps: Sequence[Step], width: float) -> Axis:
    """Choose an axis from zero to a little beyond the longest reach."""
    reach = max(max(step.start, step.end) for step in steps)
    return Axis(min(0.0, *(step.end for step in steps)), max(0.05, math.ceil(reach * 10.5) / 10), width)


@dataclass(frozen=True)
class Person:
    """One circle of the decision chain: a person, or a role that nobody fills."""

    x: float
    y: float
    name: str
    role: str
    strength: float
    last: str | None
    level: str

    @property
    def is_gap(self) -> bool:
        """Say whether nobody is known in this role."""
        return not self.name


def decision_chain(chain: Mapping[str, Any], width: float, height: float) -> list[Person]:
    """Place people and gaps on a half circle around us, grouped by role."""
    roles = ("decision_maker", "finance", "influencer", "user", "other")
    people = sorted(chain["people"], key=lambda who: (_place(roles, who["role"]), -(who["strength"] or 0)))[:9]
    entries = [*people, *({"role": role} for role in chain["gaps"])]
    entries.sort(key=lambda who: _place(roles, str(who["role"])))
    middle, radius_x, radius_y = width / 2, width / 2 - 62, height - 86
    placed = []
    for index, who in enumerate(entries):
        angle = math.pi * (index + 0.5) / len(entries)
        # Every second one stands closer, so that names of a long row do not touch.
        reach = 1.0 if len(entries) < 5 or index % 2 == 0 else 0.66
        x, y = middle - radius_x * reach * math.cos(angle), height - 34 - radius_y * reach * math.sin(angle)
        placed.append(
            Person(
                round(x, 1),
                round(y, 1),
                str(who.get("name") or ""),
                str(who["role"]),
                float(who.get("strength") or 0.0),
                who.get("last"),
                str(who.get("level") or ""),
            )
        )
    return placed


def flattened(tree: Mapping[str, Any], depth: int = 0) -> list[tuple[int, Mapping[str, Any]]]:
    """List a customer tree from the root down, each with its depth."""
    below = [entry for child in tree.get("children", ()) for entry in flattened(child, depth + 1)]
    return [(depth, tree), *below]


def _shown(share: float) -> float:
    return round(share, SHOWN)


def _place(roles: Sequence[str], role: str) -> int:
    return roles.index(role) if role in roles else len(roles)

"""What the score would be if the company changed something it can change."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Matrix
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer

from rapport.errors import ServingError

Row = dict[str, float]
_SMALLEST = {"days": 0.0, "count": 0.0, "hours": 0.0, "share": 0.0, "flag": 0.0, "money": 0.0, "per_month": 0.0}
_LARGEST = {"share": 1.0, "flag": 1.0}


@dataclass(frozen=True)
class WhatIf:
    """A customer as it is and as it would be; ``moved`` gives every changed feature's value before and after."""

    before: Scored
    after: Scored
    moved: Mapping[str, tuple[float | None, float]]


def what_if(scorer: Scorer, customer: Scored, changes: Mapping[str, float]) -> WhatIf:
    """Score one customer again with some features changed; those that follow from them move along."""
    for name, value in changes.items():
        _refuse_unless_ours(scorer, name, value)
    columns = customer.rows.columns
    was = dict(zip(customer.rows.place, customer.rows.values[0].tolist(), strict=True))
    now = was | dict(changes)
    for name in changes:
        now |= {other: value for other, value in _followed(name, was, now) if other not in changes}
    values = np.array([[now[column.name] for column in columns]], dtype=np.float64)
    after = scorer.score_rows(Matrix(columns, values), customer.customer_id, customer.state, customer.as_of)
    return WhatIf(
        scorer.score_rows(customer.rows, customer.customer_id, customer.state, customer.as_of), after, _moved(was, now)
    )


def changeable(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Give the features that a company can act on, its own outreach left out.

    We reach out most to those whom we fear to lose, so history cannot say what one more call would do.
    """
    return tuple(column for column in columns if column.actionable and not column.outbound and not column.is_category)


@cache
def dependents() -> Mapping[str, Mapping[str, list[str]]]:
    """Read what else moves with each feature."""
    text = resources.files("rapport.scoring").joinpath("dependents.yaml").read_text(encoding="utf-8")
    read: dict[str, dict[str, list[str]]] = yaml.safe_load(text)
    return read


def _followed(name: str, was: Row, now: Row) -> Iterator[tuple[str, float]]:
    rules = dependents().get(name, {})
    before, after = was[name], now[name]
    for kind in ("adds_to", "scales", "keeps_below", "empties"):
        for other in rules.get(kind, []):
            if other in now and not math.isnan(now[other]):
                yield other, _moved_to(kind, now[other], 0.0 if math.isnan(before) else before, after)


def _moved_to(kind: str, value: float, before: float, after: float) -> float:
    if kind == "adds_to":
        return max(value + after - before, 0.0)
    if kind == "scales":
        return value * after / before if before else value
    if kind == "keeps_below":
        return min(value, after)
    return 0.0 if after == 0.0 else value


def _moved(was: Row, now: Row) -> dict[str, tuple[float | None, float]]:
    changed = (name for name in was if was[name] != now[name] and not math.isnan(now[name]))
    return {name: (None if math.isnan(was[name]) else was[name], now[name]) for name in changed}


def _refuse_unless_ours(scorer: Scorer, name: str, value: Any) -> None:
    ours = {column.name: column for column in changeable(scorer.bundle.columns)}
    if name not in ours:
        raise ServingError(f"“{name}” is not something a company can change here. Possible: {', '.join(sorted(ours))}.")
    column = ours[name]
    low, high = _SMALLEST.get(column.unit, -math.inf), _LARGEST.get(column.unit, math.inf)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ServingError(f"“{name}” is to be a number, not {value!r}.")
    if not low <= value <= high:
        bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ServingError(f"“{name}” must be {bounds}; its unit is {column.unit}.")

"""What-if analysis: the score after a change of features that the company can act on."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from rapport.errors import ServingError
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.shipped_yaml import read_shipped

Row = dict[str, float]
_SMALLEST = {"days": 0.0, "count": 0.0, "hours": 0.0, "share": 0.0, "flag": 0.0, "money": 0.0, "per_month": 0.0}
_LARGEST = {"share": 1.0, "flag": 1.0}


@dataclass(frozen=True)
class WhatIf:
    """A customer's ``scores`` before and after a change, one row each.

    ``moved`` holds every changed feature's value before and after.
    """

    scores: ScoreBatch
    moved: Mapping[str, tuple[float | None, float]]


def what_if(scorer: Scorer, customer: ScoreBatch, changes: Mapping[str, float]) -> WhatIf:
    """Score one customer again with some features changed, and the features that depend on them."""
    for name, value in changes.items():
        _check_change(scorer, name, value)
    columns = customer.rows.columns
    before = dict(zip(customer.rows.positions, customer.rows.values[0].tolist(), strict=True))
    now = changed_row(before, changes)
    after = [now[column.name] for column in columns]
    # Both rows at once: most of the time of one row is not its own.
    rows = Matrix(columns, np.vstack([customer.rows.values, after]))
    ids, states = (np.repeat(each, 2) for each in (customer.customer_id, customer.state))
    return WhatIf(scorer.score_rows(rows, ids, states, customer.as_of), _moved(before, now))


def changed_row(before: Row, changes: Mapping[str, float]) -> Row:
    """Return a row of facts with some changed, and with the facts that depend on them."""
    now = before | dict(changes)
    for name in changes:
        now |= {other: value for other, value in _dependent_changes(name, before, now) if other not in changes}
    return now


def changeable(columns: tuple[FeatureColumn, ...]) -> tuple[FeatureColumn, ...]:
    """Return the features that a company can act on, except its own outreach.

    We contact most the customers at risk, so the history cannot show what one more call would do.
    """
    return tuple(column for column in columns if column.actionable and not column.outbound and not column.is_category)


@cache
def dependents() -> Mapping[str, Mapping[str, list[str]]]:
    """Return the features that change with each feature."""
    text = resources.files("rapport.scoring.models").joinpath("dependents.yaml").read_text(encoding="utf-8")
    read: dict[str, dict[str, list[str]]] = read_shipped(text)
    return read


def _dependent_changes(name: str, before: Row, now: Row) -> Iterator[tuple[str, float]]:
    rules = dependents().get(name, {})
    old, new = before[name], now[name]
    for kind in ("adds_to", "scales", "keeps_below", "empties"):
        for other in rules.get(kind, []):
            if other in now and not math.isnan(now[other]):
                yield other, _adjusted(kind, now[other], 0.0 if math.isnan(old) else old, new)


def _adjusted(kind: str, value: float, before: float, after: float) -> float:
    if kind == "adds_to":
        return max(value + after - before, 0.0)
    if kind == "scales":
        return value * after / before if before else value
    if kind == "keeps_below":
        return min(value, after)
    return 0.0 if after == 0.0 else value


def _moved(before: Row, now: Row) -> dict[str, tuple[float | None, float]]:
    changed = (name for name in before if before[name] != now[name] and not math.isnan(now[name]))
    return {name: (None if math.isnan(before[name]) else before[name], now[name]) for name in changed}


def _check_change(scorer: Scorer, name: str, value: object) -> None:
    allowed = {column.name: column for column in changeable(scorer.bundle.columns)}
    if name not in allowed:
        raise ServingError(f"“{name}” cannot be changed in a what-if. Choose from: {', '.join(sorted(allowed))}.")
    column = allowed[name]
    low, high = _SMALLEST.get(column.unit, -math.inf), _LARGEST.get(column.unit, math.inf)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ServingError(f"“{name}” must be a number, not {value!r}.")
    if not low <= value <= high:
        bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ServingError(f"“{name}” must be {bounds}; its unit is {column.unit}.")

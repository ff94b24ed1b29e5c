"""The arithmetic of measures: from merged leaves to the numbers of every feature, and the state of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rapport.features.arrays.steps import Steps
from rapport.features.arrays.values import VALUES, Column, known
from rapport.features.measures import Binary, Leaf, Measure, Number, Unary
from rapport.features.targets import ACTIVE, CLOSED, LAPSED, NEW, SILENT, STATE_MEASURES

_ZERO: Column = (np.array(0.0), None)
_NOTHING: Column = (np.array(0.0), np.array(True))
_LONG_AGO = -1e9


class Finish:
    """How measures are told from their leaves: the steps, their order, and where each measure is then found."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self.steps = Steps()
        self.told = {name: self._measure(measure) for name, measure in measures.items()}
        if STATE_MEASURES.keys() <= self.told.keys():
            reads = [self.told[name] for name in STATE_MEASURES]
            self.told["state"] = self.steps.step("state", _state, self._given("active_from"), *reads)
        self._order = self.steps.order(self.told.values())

    def run(self, leaves: Mapping[str, Column], cutoff: Any, active_from: Any) -> dict[str, Column]:
        """Return the measures of rows that have these leaves; the cutoffs are one for all rows, or one a row."""
        given = {("gathered", name): column for name, column in leaves.items()}
        given |= {("gathered", "cutoff"): (cutoff, None), ("gathered", "active_from"): (active_from, None)}
        done = self.steps.run(self._order, given)
        return {name: done[slot] for name, slot in self.told.items()}

    def _given(self, name: str) -> int:
        return self.steps.given("gathered", name)

    def _measure(self, measure: Measure) -> int:
        if isinstance(measure, Leaf):
            return self._given(measure.column)
        if isinstance(measure, Number):
            value: Column = (np.array(measure.value), None)
            return self.steps.step(measure, lambda: value)
        parts = [self._measure(part) for part in measure.parts()]
        if isinstance(measure, Unary) and measure.operator != "sqrt":
            parts.append(self._given("cutoff"))
        return self.steps.step(measure, _COMPUTE[_kind(measure)], *parts)


def _kind(measure: Measure) -> str:
    return measure.operator if isinstance(measure, Unary | Binary) else type(measure).__name__


_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _NULL_IF, _IF_ELSE, _COALESCE, _ROOT = (
    VALUES[name](None) for name in ("Add", "Subtract", "Multiply", "Divide", "NullIf", "IfElse", "Coalesce", "Sqrt")
)


def _since(day: Column, cutoff: Column) -> Column:
    return cutoff[0] - 1 - day[0], day[1]


def _until(day: Column, cutoff: Column) -> Column:
    return day[0] - cutoff[0], day[1]


def _root(column: Column) -> Column:
    return _ROOT(_IF_ELSE((column[0] >= 0, column[1]), column, _NOTHING))


def _divided(left: Column, right: Column) -> Column:
    return _DIVIDE(left, _NULL_IF(right, _ZERO))


def _extreme(pick: np.ufunc) -> Any:
    """Make what picks one of two; null if either is."""

    def picked(left: Column, right: Column) -> Column:
        return np.where(pick(left[0], right[0]), left[0], right[0]), _ADD(left, right)[1]

    return picked


def _when(test: Column, then: Column) -> Column:
    return _IF_ELSE((test[0] > 0, test[1]), then, _NOTHING)


_COMPUTE = {
    "+": _ADD,
    "-": _SUBTRACT,
    "*": _MULTIPLY,
    "/": _divided,
    "max": _extreme(np.greater_equal),
    "min": _extreme(np.less_equal),
    "since": _since,
    "until": _until,
    "sqrt": _root,
    "Either": _COALESCE,
    "When": _when,
}


def _state(begins: Column, last_order: Column, *others: Column) -> Column:
    """Return the states of customers; the columns come in the order of ``STATE_MEASURES``."""
    *moments, left_open, closed = others
    ordered = _is_known(last_order)
    newest = np.maximum.reduce([np.where(_is_known(moment), moment[0], _LONG_AGO) for moment in moments])
    states = (
        (ordered & (last_order[0] >= begins[0]), ACTIVE),
        (ordered, LAPSED),
        ((left_open[0] <= 0) & (closed[0] > 0), CLOSED),
        (newest >= begins[0], NEW),
    )
    return np.select([test for test, _ in states], [name for _, name in states], SILENT), None


def _is_known(column: Column) -> Any:
    return known(np.ones_like(column[0], bool), column[1])

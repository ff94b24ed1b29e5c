"""The finish: the arithmetic from window aggregates to the measures, and the state of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rapport.features.arrays import operations
from rapport.features.arrays.column import Column, is_true
from rapport.features.arrays.steps import Steps
from rapport.features.measures import Binary, Constant, Measure, Unary, WindowAggregate
from rapport.features.states import ACTIVE, CLOSED, LAPSED, NEW, SILENT, STATE_MEASURES

_ZERO: Column = (np.array(0.0), None)
_NULL: Column = (np.array(0.0), np.array(True))
_LONG_AGO = -1e9


class Finish:
    """The compiled arithmetic of measures: its steps, their schedule, and the slot of each measure."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self.steps = Steps()
        self.slots = {name: self._compile(measure) for name, measure in measures.items()}
        if STATE_MEASURES.keys() <= self.slots.keys():
            reads = [self.slots[name] for name in STATE_MEASURES]
            self.slots["state"] = self.steps.step("state", _state, self._input("active_from"), *reads)
        self._schedule = self.steps.schedule(self.slots.values())

    def run(self, aggregates: Mapping[str, Column], cutoff: Any, active_from: Any) -> dict[str, Column]:
        """Return the measures of rows with these aggregates; cutoffs are scalars, or one value per row."""
        inputs = {("gathered", name): column for name, column in aggregates.items()}
        inputs |= {("gathered", "cutoff"): (cutoff, None), ("gathered", "active_from"): (active_from, None)}
        results = self.steps.run(self._schedule, inputs)
        return {name: results[slot] for name, slot in self.slots.items()}

    def _input(self, name: str) -> int:
        return self.steps.input("gathered", name)

    def _compile(self, measure: Measure) -> int:
        if isinstance(measure, WindowAggregate):
            return self._input(measure.column)
        if isinstance(measure, Constant):
            return self.steps.constant(measure, (np.array(measure.value), None))
        parts = [self._compile(part) for part in measure.parts()]
        if isinstance(measure, Unary) and measure.operator != "sqrt":
            parts.append(self._input("cutoff"))
        return self.steps.step(measure, _COMPUTE[_kind(measure)], *parts)


def _kind(measure: Measure) -> str:
    return measure.operator if isinstance(measure, Unary | Binary) else type(measure).__name__


def _since(day: Column, cutoff: Column) -> Column:
    return cutoff[0] - 1 - day[0], day[1]


def _until(day: Column, cutoff: Column) -> Column:
    return day[0] - cutoff[0], day[1]


def _square_root(column: Column) -> Column:
    return operations.SQUARE_ROOT(operations.if_else((column[0] >= 0, column[1]), column, _NULL))


def _quotient(left: Column, right: Column) -> Column:
    return operations.DIVIDE(left, operations.null_if_equal(right, _ZERO))


def _extreme(comparison: np.ufunc) -> Any:
    """Return a function that selects one of two columns by a comparison; null if either is null."""

    def selected(left: Column, right: Column) -> Column:
        return np.where(comparison(left[0], right[0]), left[0], right[0]), operations.any_null(left[1], right[1])

    return selected


def _when(test: Column, then: Column) -> Column:
    return operations.if_else((test[0] > 0, test[1]), then, _NULL)


_COMPUTE = {
    "+": operations.ADD,
    "-": operations.SUBTRACT,
    "*": operations.MULTIPLY,
    "/": _quotient,
    "max": _extreme(np.greater_equal),
    "min": _extreme(np.less_equal),
    "since": _since,
    "until": _until,
    "sqrt": _square_root,
    "Coalesce": operations.fill_null,
    "When": _when,
}


def _state(active_from: Column, last_order: Column, *others: Column) -> Column:
    """Return the states of customers; the columns are in the order of ``STATE_MEASURES``."""
    *days, open_deals, closed_deals = others
    ordered = _is_known(last_order)
    newest = np.maximum.reduce([np.where(_is_known(day), day[0], _LONG_AGO) for day in days])
    states = (
        (ordered & (last_order[0] >= active_from[0]), ACTIVE),
        (ordered, LAPSED),
        ((open_deals[0] <= 0) & (closed_deals[0] > 0), CLOSED),
        (newest >= active_from[0], NEW),
    )
    return np.select([test for test, _ in states], [name for _, name in states], SILENT), None


def _is_known(column: Column) -> Any:
    return is_true(np.ones_like(column[0], bool), column[1])

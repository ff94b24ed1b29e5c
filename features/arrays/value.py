"""Declared columns: each operation on them adds a step, and computes nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rapport.features.arrays import operations
from rapport.features.arrays.operations import Operation
from rapport.features.arrays.steps import Steps

Constant = float | str | bool | None


class Program(Steps):
    """The steps of the rows of streams.

    ``ranked`` are the id columns that rows are sorted by; other ids are only compared for equality.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ranked: set[str] = set()

    def value(self, compute: Callable[..., Any], slots: Sequence[int], count: int | None) -> Value:
        """Return the column that a function computes from others; the same function of the same columns is one step."""
        return Value(self, self.step((compute, *slots), compute, *slots), count)

    def as_value(self, value: Value | Constant) -> Value:
        """Return a value, or a constant as one."""
        if isinstance(value, Value):
            return value
        return Value(self, self.constant((type(value).__name__, value), operations.literal(value)), None)


@dataclass(frozen=True, eq=False)
class Value:
    """A declared column: the slot of its values, and that of the number of rows (None: the same value in any row)."""

    program: Program
    slot: int
    count: int | None

    def __add__(self, other: Value | float) -> Value:
        return self._with(operations.ADD, other)

    def __sub__(self, other: Value | float) -> Value:
        return self._with(operations.SUBTRACT, other)

    def __mul__(self, other: Value | float) -> Value:
        return self._with(operations.MULTIPLY, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self._with(operations.DIVIDE, other)

    def __floordiv__(self, other: Value | float) -> Value:
        return self._with(operations.FLOOR_DIVIDE, other)

    def __neg__(self) -> Value:
        return self._with(operations.NEGATE)

    def __lt__(self, other: Value | float) -> Value:
        return self._with(operations.LESS, other)

    def __le__(self, other: Value | float) -> Value:
        return self._with(operations.LESS_EQUAL, other)

    def __gt__(self, other: Value | float) -> Value:
        return self._with(operations.GREATER, other)

    def __ge__(self, other: Value | float) -> Value:
        return self._with(operations.GREATER_EQUAL, other)

    def __and__(self, other: Value) -> Value:
        return self._with(operations.both, other)

    def __or__(self, other: Value) -> Value:
        return self._with(operations.either, other)

    def __invert__(self) -> Value:
        return self._with(operations.NOT)

    def equals(self, other: float | str) -> Value:
        """Return where the values equal a constant."""
        return self._with(operations.EQUAL, other)

    def is_in(self, texts: Sequence[str]) -> Value:
        """Return where the text is one of these."""
        return self._with(operations.IS_IN, *texts)

    def where_text(self, operation: Operation) -> Value:
        """Return where the text passes the test of ``operations.where_text``."""
        return self._with(operation)

    def lower(self) -> Value:
        """Return the texts in lower case."""
        return self._with(operations.LOWER)

    def is_null(self) -> Value:
        """Return where the values are null."""
        return self._with(operations.is_null)

    def is_known(self) -> Value:
        """Return where the values are not null."""
        return self._with(operations.is_known)

    def fill_null(self, other: Value | float | str | bool) -> Value:
        """Return the values, and the other where they are null."""
        return self._with(operations.fill_null, other)

    def null_unless(self, test: Value) -> Value:
        """Return the values where the test is true, else null."""
        return test._with(operations.if_else, self, None)

    def if_else(self, yes: Value, no: Value) -> Value:
        """Return ``yes`` where this is true, else ``no``."""
        return self._with(operations.if_else, yes, no)

    def at_least(self, other: Value | float) -> Value:
        """Return the larger of both; where one is null, the other."""
        return self._with(operations.LARGER, other)

    def clip(self, low: float, high: float) -> Value:
        """Return the values moved into a range."""
        return self._with(operations.clip, low, high)

    def round(self) -> Value:
        """Return the nearest integers, halves away from zero."""
        return self._with(operations.ROUND)

    def cast(self, dtype: type[np.generic]) -> Value:
        """Convert the values to a type."""
        return self._with(operations.CAST[dtype])

    def _with(self, operation: Operation, *others: Value | Constant) -> Value:
        """Return an operation on this and other columns of the same rows."""
        parts = [self, *(self.program.as_value(other) for other in others)]
        counts = {part.count for part in parts if part.count is not None}
        if len(counts) > 1:
            raise ValueError("These columns have different rows. Filter, join or group both in the same way first.")
        return self.program.value(operation, [part.slot for part in parts], next(iter(counts), None))

"""The verbs that declare the rows of event streams: columns, filters, groups, joins.

A verb computes nothing yet: it adds a step that does. The steps of all streams are declared once, equal steps are one,
and each history runs those it needs. Nulls, divisions and rounding follow SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce

import numpy as np

from rapport.features.arrays.column import Column, RowIndices, is_true
from rapport.features.arrays.reductions import group_sizes, largest, smallest, total
from rapport.features.arrays.rows import Groups, broadcast, concatenated, inner_join, take_rows
from rapport.features.arrays.value import Constant, Program, Value

ROWS = "rows"
"""The name of the input that holds the number of rows of a table."""


class Rows:
    """Declared rows: their number, and their columns by name."""

    def __init__(self, program: Program, count: int, column: Callable[[str], Value]) -> None:
        self.program, self.count, self._column = program, count, column

    def __getitem__(self, name: str) -> Value:
        return self._column(name)

    def full(self, value: Value) -> Value:
        """Return a column with one value per row, also where all rows have the same."""
        if value.count is not None:
            return value
        return self.program.value(broadcast, [value.slot, self.count], self.count)

    def with_columns(self, **columns: Value | Constant) -> Rows:
        """Add columns, or replace them."""
        own = self._own(columns)
        return Rows(self.program, self.count, lambda name: own[name] if name in own else self[name])

    def select(self, **columns: Value | Constant) -> Rows:
        """Keep only these columns."""
        own = self._own(columns)

        def column(name: str) -> Value:
            if name not in own:
                raise KeyError(f"There is no column {name}, only {', '.join(own)}.")
            return own[name]

        return Rows(self.program, self.count, column)

    def _own(self, columns: Mapping[str, Value | Constant]) -> dict[str, Value]:
        own = {name: self.program.as_value(value) for name, value in columns.items()}
        if not {value.count for value in own.values()} <= {None, self.count}:
            raise ValueError(
                f"Columns of other rows: {', '.join(own)}. Filter, join or group them in the same way first."
            )
        return own

    def filter(self, *tests: Value) -> Rows:
        """Keep the rows in which all tests are true."""
        slots = [self.full(test).slot for test in tests]
        return _taken(self, self.program.step((_true_rows, *slots), _true_rows, *slots))

    def group_by(self, *keys: str, order_by: Sequence[str] = ()) -> Grouping:
        """Group rows by columns; ``order_by`` sorts the rows within a group."""
        self.program.ranked |= set(order_by)
        by, then = ([self[name].slot for name in names if self[name].count is not None] for names in (keys, order_by))
        count = len(by)

        def groups(*columns: Column) -> Groups:
            return Groups.of(columns[:count], columns[count:])

        return Grouping(self, self.program.step(("groups", count, *by, *then), groups, *by, *then), keys)


class Grouping:
    """Grouped rows: a row per group with its aggregates, or each row's previous and next row in its group."""

    def __init__(self, rows: Rows, groups: int, keys: Sequence[str]) -> None:
        self._rows, self._groups, self._keys = rows, groups, keys
        self._count = rows.program.step((_number, groups), _number, groups)

    def rows(self, **aggregates: Value) -> Rows:
        """Return one row per group: its keys and its aggregates."""
        return Rows(
            self._rows.program, self._count, lambda name: aggregates[name] if name in aggregates else self._key(name)
        )

    def size(self) -> Value:
        """Return the number of rows of each group."""
        return self._rows.program.value(group_sizes, [self._groups], self._count)

    def sum(self, column: str) -> Value:
        """Sum integers over each group."""
        return self._of_column(total, column, self._count)

    def min(self, column: str) -> Value:
        """Return the smallest integer of each group."""
        return self._of_column(smallest, column, self._count)

    def max(self, column: str) -> Value:
        """Return the largest integer of each group."""
        return self._of_column(largest, column, self._count)

    def lag(self, column: str) -> Value:
        """Return for each row the value of the previous row in its group; null for the first."""
        return self._of_column(Groups.lag, column, self._rows.count)

    def lead(self, column: str) -> Value:
        """Return for each row the value of the next row in its group; null for the last."""
        return self._of_column(Groups.lead, column, self._rows.count)

    def _of_column(self, compute: Callable[[Groups, Column], Column], name: str, count: int) -> Value:
        column = self._rows.full(self._rows[name])
        return self._rows.program.value(compute, [self._groups, column.slot], count)

    def _key(self, name: str) -> Value:
        if name not in self._keys:
            raise KeyError(f"{name} is neither a key nor an aggregate of rows that are grouped by {self._keys}.")
        key = self._rows[name]
        return key if key.count is None else self._of_column(_first, name, self._count)


def table(program: Program, source: str, columns: Collection[str]) -> Rows:
    """Return the rows of an input table with these columns."""
    count = program.input(source, ROWS)

    def column(name: str) -> Value:
        if name not in columns:
            raise KeyError(f"{source} has no column {name}. It has {', '.join(sorted(columns))}.")
        return Value(program, program.input(source, name), count)

    return Rows(program, count, column)


def joined(left: Rows, right: Rows, on: Sequence[str]) -> tuple[Rows, Rows]:
    """Return the pairs of rows with equal keys: the left and the right row of each. A null key equals nothing."""
    slots = [rows[name].slot for rows in (left, right) for name in on]
    pairs = left.program.step((_pairs, *slots), _pairs, *slots)
    first, second = (left.program.step((side, pairs), side, pairs) for side in (_left, _right))
    rows = _taken(left, first)
    return rows, _taken(right, second, rows.count)


def concat(first: Rows, second: Rows) -> Rows:
    """Return the rows of both, one after the other."""
    program, counts = first.program, (first.count, second.count)
    count = program.step((_sum, *counts), _sum, *counts)

    def column(name: str) -> Value:
        one, other = first[name], second[name]
        if one.slot == other.slot and one.count is None:
            return one
        return program.value(_concatenated, [first.full(one).slot, second.full(other).slot], count)

    return Rows(program, count, column)


def _taken(rows: Rows, indices: int, count: int | None = None) -> Rows:
    """Return the rows at some indices; ``count`` is the slot of their number, if there is one."""
    program = rows.program
    taken = program.step((_length, indices, rows.count), _length, indices, rows.count) if count is None else count

    def column(name: str) -> Value:
        value = rows[name]
        return value if value.count is None else program.value(take_rows, [value.slot, indices], taken)

    return Rows(program, taken, column)


def _true_rows(*tests: Column) -> RowIndices | None:
    """Return the indices of the rows in which all tests are true; None for every row."""
    holds = reduce(np.logical_and, [is_true(*test) for test in tests])
    return None if holds.all() else np.flatnonzero(holds)


def _length(indices: RowIndices | None, count: int) -> int:
    return count if indices is None else len(indices)


def _number(groups: Groups) -> int:
    return len(groups.starts)


def _first(groups: Groups, key: Column) -> Column:
    return take_rows(key, groups.firsts())


def _pairs(*keys: Column) -> tuple[RowIndices, RowIndices]:
    half = len(keys) // 2
    return inner_join(keys[:half], keys[half:])


def _left(pairs: tuple[RowIndices, RowIndices]) -> RowIndices:
    return pairs[0]


def _right(pairs: tuple[RowIndices, RowIndices]) -> RowIndices:
    return pairs[1]


def _sum(one: int, other: int) -> int:
    return one + other


def _concatenated(*parts: Column) -> Column:
    return concatenated(parts)

"""Compile the plan's Ibis expressions, once, to a flat list of steps on NumPy arrays.

Ibis is the expression tree; nulls, divisions and rounding follow SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import ibis
import ibis.expr.operations as ops
import numpy as np

from rapport.features.engine.arrays.column import Column, RowIndices, is_true
from rapport.features.engine.arrays.operations import OPERATIONS
from rapport.features.engine.arrays.reductions import REDUCTIONS
from rapport.features.engine.arrays.rows import Groups, broadcast, concatenated, inner_join, take_rows
from rapport.features.engine.arrays.steps import Steps

ROWS = "rows"
"""The name of the input that holds the number of rows of a table."""


class Program(Steps):
    """The compiled steps of table expressions.

    ``ranked`` are the id columns that rows are sorted by; other ids are only compared for equality.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ranked: set[str] = set()
        self._scalars: set[int] = set()
        self._joins: dict[ops.JoinReference, int] = {}

    def column(self, expression: ibis.Table, name: str) -> int:
        """Compile a column; return the slot of its values, one per row."""
        relation = expression.op()
        return self._full(self._field(relation, name), relation)

    def constant(self, expression: ibis.Table, name: str) -> int:
        """Compile a column; return its slot, which holds a scalar where all rows have the same value."""
        return self._field(expression.op(), name)

    def _full(self, column: int, relation: ops.Relation) -> int:
        """Return the slot of a column with one value per row."""
        if column not in self._scalars:
            return column
        return self.step(("full", column, relation), broadcast, column, self._rows(relation))

    def _value(self, node: ops.Value) -> int:
        if isinstance(node, ops.Field):
            return self._field(node.rel, node.name)
        if node not in self._slots:
            if isinstance(node, ops.WindowFunction):
                return self._lag_or_lead(node)
            parts = [self._value(part) for part in _arguments(node)]
            return self._applied(node, node, parts)
        return self._slots[node]

    def _applied(self, key: Any, node: ops.Value, parts: list[int]) -> int:
        slot = self.step(key, OPERATIONS[type(node).__name__](node), *parts)
        if self._scalars.issuperset(parts):
            self._scalars.add(slot)
        return slot

    def _field(self, relation: ops.Relation, name: str) -> int:
        slot: int = getattr(self, f"_field_of_{type(relation).__name__}")(relation, name)
        return slot

    def _rows(self, relation: ops.Relation) -> int:
        slot: int = getattr(self, f"_rows_of_{type(relation).__name__}", self._rows_of_parent)(relation)
        return slot

    def _rows_of_parent(self, relation: Any) -> int:
        return self._rows(relation.parent)

    def _field_of_UnboundTable(self, table: ops.UnboundTable, name: str) -> int:  # noqa: N802 - the node's own name
        return self.input(table.name, name)

    def _rows_of_UnboundTable(self, table: ops.UnboundTable) -> int:  # noqa: N802 - the node's own name
        return self.input(table.name, ROWS)

    def _field_of_Project(self, project: ops.Project, name: str) -> int:  # noqa: N802 - the node's own name
        return self._value(project.values[name])

    def _field_of_DropColumns(self, drop: ops.DropColumns, name: str) -> int:  # noqa: N802 - the node's own name
        return self._field(drop.parent, name)

    def _field_of_Filter(self, chosen: ops.Filter, name: str) -> int:  # noqa: N802 - the node's own name
        column = self._field(chosen.parent, name)
        if column in self._scalars:
            return column
        indices = self._row_indices(chosen)
        return self.step(("taken", column, indices), take_rows, column, indices)

    def _rows_of_Filter(self, chosen: ops.Filter) -> int:  # noqa: N802 - the node's own name
        indices, length = self._row_indices(chosen), self._rows(chosen.parent)
        return self.step(("left", indices), lambda some, all_: all_ if some is None else len(some), indices, length)

    def _row_indices(self, chosen: ops.Filter) -> int:
        tests = [self._full(self._value(test), chosen.parent) for test in chosen.predicates]
        return self.step(("row indices", *tests), _where, *tests)

    def _field_of_Union(self, union: ops.Union, name: str) -> int:  # noqa: N802 - the node's own name
        parts = [(self._field(part, name), part) for part in (union.left, union.right)]
        if parts[0][0] == parts[1][0] and parts[0][0] in self._scalars:
            return parts[0][0]
        full = [self._full(column, part) for column, part in parts]
        return self.step(("concatenated", *full), lambda *columns: concatenated(columns), *full)

    def _rows_of_Union(self, union: ops.Union) -> int:  # noqa: N802 - the node's own name
        left, right = self._rows(union.left), self._rows(union.right)
        return self.step(("both", left, right), lambda one, other: one + other, left, right)

    def _field_of_Aggregate(self, aggregate: ops.Aggregate, name: str) -> int:  # noqa: N802 - the node's own name
        if name not in aggregate.groups:
            return self._metric(aggregate.metrics[name], aggregate)
        column, groups = self._value(aggregate.groups[name]), self._groups(aggregate)
        if column in self._scalars:
            return column
        return self.step(("first", column, groups), lambda key, each: take_rows(key, each.firsts()), column, groups)

    def _rows_of_Aggregate(self, aggregate: ops.Aggregate) -> int:  # noqa: N802 - the node's own name
        return self.step(("groups", aggregate), lambda groups: len(groups.starts), self._groups(aggregate))

    def _metric(self, node: ops.Value, aggregate: ops.Aggregate) -> int:
        key, name = (aggregate, node), type(node).__name__
        if name not in REDUCTIONS:
            return self._applied(key, node, [self._metric(part, aggregate) for part in _arguments(node)])
        groups = self._groups(aggregate)
        if name == "CountStar":
            return self.step(key, REDUCTIONS[name], groups)
        return self.step(key, REDUCTIONS[name], groups, self._full(self._value(node.arg), aggregate.parent))

    def _groups(self, aggregate: ops.Aggregate) -> int:
        return self._grouped([self._value(key) for key in aggregate.groups.values()], [])

    def _grouped(self, keys: list[int], then: list[int]) -> int:
        # A scalar key does not split any group.
        keys, then = ([slot for slot in slots if slot not in self._scalars] for slots in (keys, then))
        count = len(keys)
        return self.step(
            ("grouped", tuple(keys), tuple(then)),
            lambda *columns: Groups.of(columns[:count], columns[count:]),
            *keys,
            *then,
        )

    def _lag_or_lead(self, node: ops.WindowFunction) -> int:
        shift = {ops.Lag: Groups.lag, ops.Lead: Groups.lead}[type(node.func)]
        relation = node.func.arg.rel
        units, order = [self._value(unit) for unit in node.group_by], [self._value(key.arg) for key in node.order_by]
        self.ranked |= {key.arg.name for key in node.order_by}
        groups, column = self._grouped(units, order), self._full(self._value(node.func.arg), relation)
        return self.step(node, shift, groups, column)

    def _field_of_JoinChain(self, chain: ops.JoinChain, name: str) -> int:  # noqa: N802 - the node's own name
        self._join(chain)
        return self._value(chain.values[name])

    def _field_of_JoinReference(self, reference: ops.JoinReference, name: str) -> int:  # noqa: N802 - the node's own name
        column = self._field(reference.parent, name)
        if column in self._scalars:
            return column
        indices = self._joins[reference]
        return self.step(("taken", column, indices), take_rows, column, indices)

    def _rows_of_JoinChain(self, chain: ops.JoinChain) -> int:  # noqa: N802 - the node's own name
        return self.step(("joined", chain), len, self._join(chain))

    def _join(self, chain: ops.JoinChain) -> int:
        """Compile the row indices of an inner join of two tables; return the slot of the first table's."""
        first, (link,) = chain.first, chain.rest
        assert link.how == "inner"
        ends = [
            (test.left, test.right) if test.left.rel == first else (test.right, test.left) for test in link.predicates
        ]
        slots = [(self._field(one.rel.parent, one.name), self._field(two.rel.parent, two.name)) for one, two in ends]
        keys = [pair for pair in slots if not self._scalars.issuperset(pair)]
        both = self.step(("join", chain), _joined, *[one for one, _ in keys], *[two for _, two in keys])
        for side, table in enumerate((first, link.table)):
            self._joins[table] = self.step(("side", both, side), _sides[side], both)
        return self._joins[first]


def _where(*tests: Column) -> RowIndices | None:
    """Return the indices of the rows in which all tests are true; None for every row."""
    holds = reduce(np.logical_and, [is_true(*test) for test in tests])
    return None if holds.all() else np.flatnonzero(holds)


def _joined(*keys: Column) -> tuple[RowIndices, RowIndices]:
    half = len(keys) // 2
    return inner_join(keys[:half], keys[half:])


_sides: tuple[Callable[[tuple[RowIndices, RowIndices]], RowIndices], ...] = (lambda both: both[0], lambda both: both[1])


def _arguments(node: ops.Value) -> list[ops.Value]:
    """Return the arguments of a node, those in tuples included."""
    parts: list[ops.Value] = []
    for argument in node.args:
        parts += [
            part for part in (argument if isinstance(argument, tuple) else (argument,)) if isinstance(part, ops.Value)
        ]
    return parts

"""The plan's expressions run on arrays: for a history of a few thousand rows a database costs more than the work.

The same Ibis expressions that become SQL (see ``plan``) are turned once into closures over numpy arrays, so there is no
second declaration. A column is ``(values, missing)``; ``missing`` is None where nothing is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import ibis
import ibis.expr.operations as ops
import numpy as np

from features.arrays.rows import Groups, Places, matched, spread, stacked
from features.arrays.values import REDUCTIONS, VALUES, Column, known, taken

Inputs = Mapping[str, Mapping[str, Column]]
Evaluate = Callable[["Run"], Any]


@dataclass
class Run:
    """One evaluation: the input tables, and what has been computed so far by slot."""

    inputs: Inputs
    lengths: Mapping[str, int]
    slots: list[Any]


@dataclass
class Program:
    """The closures of some expressions; each value is computed when asked for, once in a run."""

    names: tuple[str, ...] = ()
    columns: tuple[Evaluate, ...] = ()
    length: Evaluate | None = None
    cache: dict[Any, Evaluate] = field(default_factory=dict)
    joins: dict[ops.JoinReference, Evaluate] = field(default_factory=dict)
    size: int = 0

    @classmethod
    def of(cls, expression: ibis.Table) -> Program:
        """Compile a table expression."""
        program, relation = cls(), expression.op()
        program.names = tuple(relation.schema.names)
        program.columns = tuple(program.field(relation, name) for name in program.names)
        program.length = program.rows_of(relation)
        return program

    def run(self, inputs: Inputs, lengths: Mapping[str, int]) -> tuple[dict[str, Column], int]:
        """Return the table's columns, all of its length, and that length."""
        run = Run(inputs, lengths, [None] * self.size)
        assert self.length is not None
        # What stands behind a null is never read, so what arithmetic makes of it does not matter.
        with np.errstate(all="ignore"):
            length = self.length(run)
            columns = [spread(column(run), length) for column in self.columns]
        return dict(zip(self.names, columns, strict=True)), length

    def kept(self, key: Any, compute: Evaluate) -> Evaluate:
        """Return ``compute`` with its result kept in a slot of the run."""
        slot = self.size
        self.size += 1

        def evaluate(run: Run) -> Any:
            found = run.slots[slot]
            if found is None:
                found = run.slots[slot] = compute(run)
            return found

        self.cache[key] = evaluate
        return evaluate

    def value(self, node: ops.Value) -> Evaluate:
        """Compile a value."""
        if node in self.cache:
            return self.cache[node]
        if isinstance(node, ops.Field):
            return self.field(node.rel, node.name)
        if isinstance(node, ops.WindowFunction):
            return self.kept(node, self._lag(node))
        make = VALUES[type(node).__name__](node)
        parts = [self.value(part) for part in _arguments(node)]
        return self.kept(node, lambda run: make(*[part(run) for part in parts]))

    def field(self, relation: ops.Relation, name: str) -> Evaluate:
        """Compile a column of a relation."""
        key = (relation, name)
        if key not in self.cache:
            self.cache[key] = getattr(self, f"_field_of_{type(relation).__name__}")(relation, name)
        return self.cache[key]

    def rows_of(self, relation: ops.Relation) -> Evaluate:
        """Compile the number of rows of a relation."""
        key = (relation, "rows")
        if key not in self.cache:
            self.cache[key] = getattr(self, f"_rows_of_{type(relation).__name__}", self._rows_of_parent)(relation)
        return self.cache[key]

    def _rows_of_parent(self, relation: Any) -> Evaluate:
        return self.rows_of(relation.parent)

    def _field_of_UnboundTable(self, table: ops.UnboundTable, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        return lambda run: run.inputs[table.name][name]

    def _rows_of_UnboundTable(self, table: ops.UnboundTable) -> Evaluate:  # noqa: N802 - the node's own name
        return lambda run: run.lengths[table.name]

    def _field_of_Project(self, project: ops.Project, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        return self.value(project.values[name])

    def _field_of_DropColumns(self, drop: ops.DropColumns, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        return self.field(drop.parent, name)

    def _field_of_Filter(self, chosen: ops.Filter, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        column, places, length = self.field(chosen.parent, name), self._places(chosen), self.rows_of(chosen.parent)
        return self.kept((chosen, name), lambda run: taken(spread(column(run), length(run)), places(run)))

    def _rows_of_Filter(self, chosen: ops.Filter) -> Evaluate:  # noqa: N802 - the node's own name
        places = self._places(chosen)
        return lambda run: len(places(run))

    def _places(self, chosen: ops.Filter) -> Evaluate:
        key = (chosen, "places")
        if key in self.cache:
            return self.cache[key]
        tests, length = [self.value(test) for test in chosen.predicates], self.rows_of(chosen.parent)
        return self.kept(
            key,
            lambda run: np.flatnonzero(
                np.broadcast_to(reduce(np.logical_and, [known(*test(run)) for test in tests]), (length(run),))
            ),
        )

    def _field_of_Union(self, union: ops.Union, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        parts = [(self.field(part, name), self.rows_of(part)) for part in (union.left, union.right)]
        return self.kept(
            (union, name), lambda run: stacked([spread(column(run), length(run)) for column, length in parts])
        )

    def _rows_of_Union(self, union: ops.Union) -> Evaluate:  # noqa: N802 - the node's own name
        left, right = self.rows_of(union.left), self.rows_of(union.right)
        return lambda run: left(run) + right(run)

    def _field_of_Aggregate(self, aggregate: ops.Aggregate, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        groups = self._groups(aggregate)
        if name in aggregate.groups:
            column, length = self.value(aggregate.groups[name]), self.rows_of(aggregate.parent)
            return self.kept(
                (aggregate, name), lambda run: taken(spread(column(run), length(run)), groups(run).firsts())
            )
        return self._metric(aggregate.metrics[name], groups, self.rows_of(aggregate.parent))

    def _rows_of_Aggregate(self, aggregate: ops.Aggregate) -> Evaluate:  # noqa: N802 - the node's own name
        groups = self._groups(aggregate)
        return lambda run: len(groups(run).starts)

    def _metric(self, node: ops.Value, groups: Evaluate, length: Evaluate) -> Evaluate:
        if node in self.cache:
            return self.cache[node]
        name = type(node).__name__
        if name in REDUCTIONS:
            merge = REDUCTIONS[name]
            column = None if name == "CountStar" else self.value(node.arg)
            where = None if node.where is None else self.value(node.where)
            return self.kept(
                node,
                lambda run: merge(
                    groups(run),
                    None if column is None else spread(column(run), length(run)),
                    None if where is None else known(*spread(where(run), length(run))),
                ),
            )
        make = VALUES[name](node)
        parts = [self._metric(part, groups, length) for part in _arguments(node)]
        return self.kept(node, lambda run: make(*[part(run) for part in parts]))

    def _groups(self, aggregate: ops.Aggregate) -> Evaluate:
        key = (aggregate, "groups")
        if key in self.cache:
            return self.cache[key]
        keys, length = [self.value(value) for value in aggregate.groups.values()], self.rows_of(aggregate.parent)
        return self.kept(key, lambda run: Groups.of([spread(column(run), length(run)) for column in keys]))

    def _lag(self, node: ops.WindowFunction) -> Evaluate:
        assert isinstance(node.func, ops.Lag)
        relation = node.func.arg.rel
        column, length = self.value(node.func.arg), self.rows_of(relation)
        units = [self.value(unit) for unit in node.group_by]
        order = [self.value(key.arg) for key in node.order_by]

        def compute(run: Run) -> Column:
            rows = length(run)
            groups = Groups.of(
                [spread(unit(run), rows) for unit in units], [spread(key(run), rows)[0] for key in order]
            )
            return groups.before(spread(column(run), rows))

        return compute

    def _field_of_JoinChain(self, chain: ops.JoinChain, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        self._join(chain)
        return self.value(chain.values[name])

    def _field_of_JoinReference(self, reference: ops.JoinReference, name: str) -> Evaluate:  # noqa: N802 - the node's own name
        column, length = self.field(reference.parent, name), self.rows_of(reference.parent)
        places = self.joins[reference]
        return self.kept(
            (reference, name),
            lambda run: taken(spread(column(run), length(run)), places(run)[reference.identifier]),
        )

    def _rows_of_JoinChain(self, chain: ops.JoinChain) -> Evaluate:  # noqa: N802 - the node's own name
        joined = self._join(chain)
        return lambda run: len(joined(run)[chain.first.identifier])

    def _join(self, chain: ops.JoinChain) -> Evaluate:
        """Compile where each row of the join comes from: places in each table, -1 where a left join found nothing."""
        first = chain.first
        if first in self.joins:
            return self.joins[first]
        links = [
            (
                link.how == "left",
                link.table.identifier,
                [(self._end(test.left), self._end(test.right)) for test in link.predicates],
            )
            for link in chain.rest
        ]
        length = self.rows_of(first.parent)

        def compute(run: Run) -> dict[int, Places]:
            places = {first.identifier: np.arange(length(run))}
            for is_left, identifier, tests in links:
                left = [ends[0] if ends[1][0] == identifier else ends[1] for ends in tests]
                right = [ends[1] if ends[1][0] == identifier else ends[0] for ends in tests]
                keys = [column(run)[places[owner]] for owner, column in left]
                places = matched(places, keys, identifier, [column(run) for _, column in right], is_left=is_left)
            return places

        joined = self.kept((chain, "join"), compute)
        self.joins |= dict.fromkeys([first, *(link.table for link in chain.rest)], joined)
        return joined

    def _end(self, node: ops.Field) -> tuple[int, Evaluate]:
        column, length = self.field(node.rel.parent, node.name), self.rows_of(node.rel.parent)
        return node.rel.identifier, lambda run: spread(column(run), length(run))[0]


def _arguments(node: ops.Value) -> list[ops.Value]:
    """Return the values a node is computed from, those in tuples included."""
    parts: list[ops.Value] = []
    for argument in node.args:
        parts += [
            part for part in (argument if isinstance(argument, tuple) else (argument,)) if isinstance(part, ops.Value)
        ]
    return parts

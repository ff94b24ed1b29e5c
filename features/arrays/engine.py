"""The steps of a plan on arrays, and one cutoff of a small history told by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from rapport.features.arrays.cells import Door
from rapport.features.arrays.finish import Finish
from rapport.features.arrays.merging import Gathered, Merge, Merged
from rapport.features.arrays.program import Program
from rapport.features.arrays.steps import Order
from rapport.features.arrays.values import Column
from rapport.features.plan import Plan
from rapport.features.sources import Moment
from rapport.history import History


class ArrayPlan:
    """A plan compiled to steps; made once, used by any thread."""

    def __init__(self, plan: Plan) -> None:
        self.streams, self.rows = plan.streams, Program()
        self.merges = [Merge(stream.leaves) for stream in plan.streams]
        self.gathered = Gathered(self.merges)
        self.reads = [
            [self.rows.column(stream.expression, name) for name in ("customer_id", "day")]
            + [self.rows.constant(stream.expression, partial.name) for partial in merge.partials]
            for stream, merge in zip(plan.streams, self.merges, strict=True)
        ]
        self.door = Door(self.rows.inputs)
        self.finish = Finish(plan.measures)
        self._orders: dict[tuple[int, ...], Order] = {}

    def order(self, live: Sequence[int]) -> Order:
        """Return the steps that build the rows of some streams."""
        key = tuple(live)
        if key not in self._orders:
            self._orders[key] = self.rows.order(slot for place in live for slot in self.reads[place])
        return self._orders[key]


def small_snapshot(
    compiled: ArrayPlan, history: History, before: datetime, cutoff: Moment, active_from: int
) -> pa.Table:
    """Return the finished measures of every customer known at the cutoff, in order of customer_id.

    ``before`` is the cutoff on the company's clock, ``active_from`` the day on which the active window begins.
    """
    filled = [name for name, rows in history.rows.items() if rows]
    live = [place for place, stream in enumerate(compiled.streams) if stream.can_have_rows(filled)]
    cells, names = compiled.door.cells(history, cutoff.turn_us, before)
    slots = compiled.rows.run(compiled.order(live), cells)
    merged: dict[int, Merged] = {}
    for place in live:
        customers, days, *partials = [slots[slot] for slot in compiled.reads[place]]
        merged[place] = compiled.merges[place].before(cutoff.day, customers, days, partials)
    people = np.unique(np.concatenate([customers for customers, _ in merged.values()] or [np.zeros(0, np.int64)]))
    leaves = compiled.gathered.columns(merged, people)
    done = compiled.finish.run(leaves, np.int32(cutoff.day), np.int32(active_from))
    columns = {name: _arrow(column) for name, column in done.items()}
    return pa.table({"customer_id": pa.array([names[place] for place in people.tolist()], pa.string())} | columns)


def _arrow(column: Column) -> pa.Array:
    values, missing = column
    return pa.array(values, mask=missing)

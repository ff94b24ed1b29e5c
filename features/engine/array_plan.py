"""A plan compiled to steps on arrays, and the measures of a small history at one cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.features.engine.arrays.column import Column
from rapport.features.engine.arrays.program import Program
from rapport.features.engine.arrays.steps import Schedule
from rapport.features.engine.clock import LocalCutoff
from rapport.features.engine.finish import Finish
from rapport.features.engine.plan import Plan
from rapport.features.engine.point_in_time_reader import PointInTimeReader
from rapport.features.engine.window_merger import GatheredAggregates, MergedAggregates, WindowMerger
from rapport.history import History


class ArrayPlan:
    """A plan compiled to steps on arrays; made once, thread-safe."""

    def __init__(self, plan: Plan) -> None:
        self.streams, self.program = plan.streams, Program()
        self.mergers = [WindowMerger(stream.aggregates) for stream in plan.streams]
        self.gathered = GatheredAggregates(self.mergers)
        self.slots = [
            [self.program.column(stream.expression, name) for name in ("customer_id", "day")]
            + [self.program.constant(stream.expression, partial.name) for partial in merger.partials]
            for stream, merger in zip(plan.streams, self.mergers, strict=True)
        ]
        self.reader = PointInTimeReader(self.program.inputs)
        self.finish = Finish(plan.measures)
        self._schedules: dict[tuple[int, ...], Schedule] = {}

    def schedule(self, streams: Sequence[int]) -> Schedule:
        """Return the steps that compute the rows of some streams, by their indices."""
        key = tuple(streams)
        if key not in self._schedules:
            self._schedules[key] = self.program.schedule(slot for stream in streams for slot in self.slots[stream])
        return self._schedules[key]


def small_snapshot(
    compiled: ArrayPlan, history: History, before: datetime, cutoff: LocalCutoff, active_from: int
) -> pa.Table:
    """Return the measures of every customer known at the cutoff, in order of customer_id.

    ``before`` is the cutoff in local time, ``active_from`` the first day of the active window.
    """
    filled = [name for name, rows in history.rows.items() if rows]
    live = [index for index, stream in enumerate(compiled.streams) if stream.can_have_rows(filled)]
    cells, ids = compiled.reader.cells(history, cutoff.day_start_us, before)
    slots = compiled.program.run(compiled.schedule(live), cells)
    merged: dict[int, MergedAggregates] = {}
    for stream in live:
        customer, day, *partials = [slots[slot] for slot in compiled.slots[stream]]
        merged[stream] = compiled.mergers[stream].before(cutoff.day, customer, day, partials)
    known = np.unique(np.concatenate([customers for customers, _ in merged.values()] or [np.zeros(0, np.int64)]))
    aggregates = compiled.gathered.columns(merged, known)
    measures = compiled.finish.run(aggregates, np.int32(cutoff.day), np.int32(active_from))
    columns = {name: _as_arrow(column) for name, column in measures.items()}
    return pa.table({"customer_id": pa.array([ids[number] for number in known.tolist()], pa.string())} | columns)


def _as_arrow(column: Column) -> pa.Array:
    values, missing = column
    return pa.array(values, mask=missing)

"""The measures of a small history at one cutoff."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from rapport.features.arrays.column import Column
from rapport.features.engine.clock import LocalCutoff
from rapport.features.engine.plan import Plan
from rapport.features.engine.point_in_time_reader import PointInTimeReader
from rapport.features.engine.window_merger import GatheredAggregates, MergedAggregates, WindowMerger
from rapport.history import History


def small_snapshot(plan: Plan, history: History, before: datetime, cutoff: LocalCutoff, active_from: int) -> pa.Table:
    """Return the measures of every customer known at the cutoff, in order of customer_id.

    ``before`` is the cutoff in local time, ``active_from`` the first day of the active window.
    """
    filled = [name for name, rows in history.rows.items() if rows]
    live = [index for index, stream in enumerate(plan.streams) if stream.can_have_rows(filled)]
    cells, ids = PointInTimeReader(plan.inputs).cells(history, cutoff.day_start_us, before)
    slots = plan.program.run(plan.schedule(live), cells)
    merged: dict[int, MergedAggregates] = {}
    mergers = [WindowMerger(stream.aggregates) for stream in plan.streams]
    for stream in live:
        each = plan.streams[stream]
        partials = [slots[each.partials[partial]] for partial in mergers[stream].partials]
        merged[stream] = mergers[stream].before(cutoff.day, slots[each.customer], slots[each.day], partials)
    known = np.unique(np.concatenate([customers for customers, _ in merged.values()] or [np.zeros(0, np.int64)]))
    aggregates = GatheredAggregates(mergers).columns(merged, known)
    measures = plan.finish.run(aggregates, np.int32(cutoff.day), np.int32(active_from))
    columns = {name: _as_arrow(column) for name, column in measures.items()}
    return pa.table({"customer_id": pa.array([ids[number] for number in known.tolist()], pa.string())} | columns)


def _as_arrow(column: Column) -> pa.Array:
    values, missing = column
    return pa.array(values, mask=missing)

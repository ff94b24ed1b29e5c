"""The measures of a small history at one cutoff, without the database."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from rapport.features.engine.clock import LocalCutoff
from rapport.features.engine.measures_table import measured
from rapport.features.engine.plan import Plan
from rapport.features.engine.point_in_time_reader import cells_as_of
from rapport.features.engine.windows import Cutoff
from rapport.history import History


def small_snapshot(
    plan: Plan, history: History, before: datetime, cutoff: LocalCutoff, active_from: int
) -> dict[str, pa.Array]:
    """Return the ids and measures of every customer known at the cutoff, in order of customer_id.

    ``before`` is the cutoff in local time, ``active_from`` the first day of the active window.
    """
    cells, ids = cells_as_of(history, plan.inputs, cutoff.day_start_us, before)
    live = plan.live([name for name, rows in history.rows.items() if rows])
    return measured(plan, live, cells, pa.array(ids, pa.string()), [Cutoff(cutoff.day, active_from)]).arrays()

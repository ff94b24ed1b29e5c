"""Rows recorded late: of whom some came after a cutoff that they fall before, each cutoff sees another history.

For everyone else one ordered history serves all cutoffs. A late row would change what lies between its neighbours
(gaps, first purchases), so such a customer is one customer more for every cutoff, with the rows that could be seen
then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.rows import picked

DAY, KNOWN = "day", "known_day"
Columns = dict[tuple[str, str], Any]
Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def together(streams: Iterable[Sequence[str]]) -> list[set[str]]:
    """Return which tables are read side by side, by one stream or through others."""
    groups: list[set[str]] = []
    for tables in streams:
        joined = set(tables).union(*[group for group in groups if group & set(tables)])
        groups = [group for group in groups if not group & joined] + [joined]
    return groups


def part(columns: Columns, groups: Iterable[Iterable[str]], cutoffs: Days, customers: int) -> Columns:
    """Give customers with late rows a number for every cutoff: theirs plus ``customers`` times its place from 1.

    ``groups`` are sources whose rows are read together; ``cutoffs`` are days, in any order.
    """
    found = dict(columns)
    for group in groups:
        late = np.zeros(customers, bool)
        for source in group:
            _mark(late, columns, source, np.sort(cutoffs))
        if late.any():
            for source in group:
                found |= _parted(columns, source, late, cutoffs)
    return found


def _mark(late: Flags, columns: Columns, source: str, cutoffs: Days) -> None:
    """Mark who has a row that a cutoff between its day and the day it was recorded did not see."""
    if (source, KNOWN) not in columns:
        return
    (day, _), (known, missing) = columns[source, DAY], columns[source, KNOWN]
    came_late = np.searchsorted(cutoffs, day, side="right") != np.searchsorted(cutoffs, known, side="right")
    if missing is not None:
        came_late &= ~missing
    late[columns[source, "customer_id"][0][came_late]] = True


def _parted(columns: Columns, source: str, late: Flags, cutoffs: Days) -> Columns:
    customer = columns[source, "customer_id"][0]
    known, missing = columns.get((source, KNOWN)) or columns[source, DAY]
    own = np.flatnonzero(late[customer])
    places = [np.flatnonzero(~late[customer])]
    for cutoff in cutoffs:
        seen = known[own] < cutoff
        places.append(own[seen if missing is None else seen | missing[own]])
    turn = np.repeat(np.arange(len(places)), [len(each) for each in places])
    rows = np.concatenate(places)
    found = {
        (source, name): picked(column, rows)
        for (table, name), column in columns.items()
        if table == source and isinstance(column, tuple)
    }
    return found | {(source, "rows"): len(rows), (source, "customer_id"): (customer[rows] + turn * len(late), None)}

"""Late-arriving rows: recorded after a cutoff that they happened before, so that each cutoff sees another history.

For all other customers one sorted history serves every cutoff. A late row would change what is computed from
neighbouring rows (gaps, first purchases), so a customer with late rows becomes one further customer per cutoff, with
the rows that were known then. So does a customer with a row of several versions, of which each cutoff sees one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Flags
from rapport.features.arrays.rows import take_rows
from rapport.features.arrays.verbs import ROWS

DAY, KNOWN_DAY, UNTIL_DAY = "day", "known_day", "until_day"
Columns = dict[tuple[str, str], Any]
Days = npt.NDArray[np.int64]


def joint_table_groups(streams: Iterable[Sequence[str]]) -> list[set[str]]:
    """Return the groups of tables that streams read together, directly or through other streams."""
    groups: list[set[str]] = []
    for tables in streams:
        joined = set(tables).union(*[group for group in groups if group & set(tables)])
        groups = [group for group in groups if not group & joined] + [joined]
    return groups


def split_late_customers(columns: Columns, groups: Iterable[Iterable[str]], cutoffs: Days, customers: int) -> Columns:
    """Give customers with late rows a further number per cutoff: theirs plus ``customers`` times (cutoff index + 1).

    ``groups`` are prepared tables that are read together; ``cutoffs`` are days, in any order.
    """
    result = dict(columns)
    for group in groups:
        late = np.zeros(customers, bool)
        for source in group:
            _mark_late(late, columns, source, np.sort(cutoffs))
        if late.any():
            for source in group:
                result |= _split(columns, source, late, cutoffs)
    return result


def _mark_late(late: Flags, columns: Columns, source: str, cutoffs: Days) -> None:
    """Mark customers with a row that a cutoff between its day and its recording did not see, or after its end."""
    if (source, UNTIL_DAY) in columns:
        until, running = columns[source, UNTIL_DAY]
        is_over = until < cutoffs[-1] if running is None else (until < cutoffs[-1]) & ~running
        late[columns[source, "customer_id"][0][is_over]] = True
    if (source, KNOWN_DAY) not in columns:
        return
    (day, _), (known, missing) = columns[source, DAY], columns[source, KNOWN_DAY]
    is_late = np.searchsorted(cutoffs, day, side="right") != np.searchsorted(cutoffs, known, side="right")
    if missing is not None:
        is_late &= ~missing
    late[columns[source, "customer_id"][0][is_late]] = True


def _split(columns: Columns, source: str, late: Flags, cutoffs: Days) -> Columns:
    customer = columns[source, "customer_id"][0]
    known, missing = columns.get((source, KNOWN_DAY)) or columns[source, DAY]
    until, running = columns.get((source, UNTIL_DAY)) or (np.zeros(len(customer)), np.ones(len(customer), bool))
    of_late = np.flatnonzero(late[customer])
    parts = [np.flatnonzero(~late[customer])]
    for cutoff in cutoffs:
        seen = known[of_late] < cutoff
        seen = seen if missing is None else seen | missing[of_late]
        in_force = until[of_late] >= cutoff
        parts.append(of_late[seen & (in_force if running is None else in_force | running[of_late])])
    copy = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rows = np.concatenate(parts)
    result = {
        (source, name): take_rows(column, rows)
        for (table, name), column in columns.items()
        if table == source and isinstance(column, tuple)
    }
    return result | {(source, ROWS): len(rows), (source, "customer_id"): (customer[rows] + copy * len(late), None)}

"""Arrow columns and tables from the arrays of the simulation."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history.simulate.calendar import END, Flags, Floats, Ints, Times


def expand_counts(counts: Ints) -> tuple[Ints, Ints]:
    """Expand a months × accounts array of counts to one (account, month) per event."""
    month, who = np.nonzero(counts)
    repeats = counts[month, who]
    return np.repeat(who, repeats), np.repeat(month, repeats)


def make_ids(prefix: str, numbers: Ints, width: int = 6) -> pa.Array:
    """Return identifiers such as C000042; null for a number that is not positive."""
    digits = pc.utf8_lpad(pc.cast(pa.array(np.maximum(numbers, 0)), pa.string()), width, "0")
    named = pc.binary_join_element_wise(pa.scalar(prefix), digits, "")
    ids: pa.Array = pc.if_else(pa.array(numbers > 0), named, pa.scalar(None, pa.string()))
    return ids


def take_values(values: Sequence[str | None], codes: Ints) -> pa.Array:
    """Return the text of each code."""
    return pa.array(list(values), pa.string()).take(pa.array(codes))


def rounded(values: Floats, known: Flags | None = None, decimals: int = 2) -> pa.Array:
    """Return rounded numbers, null where they are unknown."""
    return pa.array(np.round(values, decimals), mask=None if known is None else ~known)


def timestamps(values: Times, known: Flags | None = None) -> pa.Array:
    """Return timestamps, null where they are unknown or after the end of the history."""
    unknown = values >= END if known is None else ~known | (values >= END)
    return pa.array(values.astype("datetime64[us]"), mask=unknown)


def planned_timestamps(values: Times) -> pa.Array:
    """Return timestamps that may be after the end of the history."""
    return pa.array(values.astype("datetime64[us]"))


def sorted_table(table: dict[str, pa.Array], time: str) -> pa.Table:
    """Return the table sorted by time, without rows recorded after the end of the history."""
    rows = pa.table(table)
    for name in {time, "recorded_at"} & set(rows.column_names):
        rows = rows.filter(pc.is_valid(rows[name]))
    return rows.sort_by([(time, "ascending"), (rows.column_names[0], "ascending")])

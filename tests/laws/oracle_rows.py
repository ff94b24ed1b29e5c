"""The rows known at a cutoff, computed slowly in plain Python from the contract's raw rows: where the oracle begins.

With real datetimes and exact fractions instead of days, ticks, buckets and stocks.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from rapport.history.contract import FEATURE_TABLES

DAY = timedelta(days=1)
Row = dict[str, Any]
Rows = dict[str, list[Row]]
NO_END = datetime(2200, 1, 1)


def tenthousandths(value: float | None) -> Fraction | None:
    """Round half away from zero to 1/10,000: the fixed point of the engine."""
    if value is None:
        return None
    return Fraction(int(math.copysign(math.floor(abs(value * 10_000) + 0.5), value)), 10_000)


def known(tables: Mapping[str, Iterable[Row]], cutoff: datetime) -> Rows:
    """Return the rows known before the cutoff; later facts are null, ``at`` is the time."""
    return {table.name: [_masked(table, row, cutoff) for row in tables.get(table.name, ()) if _seen(table, row, cutoff)]
            for table in FEATURE_TABLES}  # fmt: skip


def _seen(table: Any, row: Row, cutoff: datetime) -> bool:
    return all(time < cutoff for time in (row.get(table.time), row.get("recorded_at")) if time is not None)


def _masked(table: Any, row: Row, cutoff: datetime) -> Row:
    own, recorded = row.get(table.time), row.get("recorded_at")
    masked: Row = {"at": own if own is not None else recorded, "customer_id": row["customer_id"]}
    for column in table.columns:
        value = row.get(column.name)
        masked[column.name] = tenthousandths(value) if column.kind == "number" else value
    if table.name == "contracts" and masked["ends_at"] is None:
        masked["ends_at"] = NO_END
    for column in table.columns:
        if column.later:
            since = recorded if column.later == "recorded_at" else row.get(column.later)
            if since is None or since >= cutoff:
                masked[column.name] = None
    return masked


def hours(begin: datetime, end: datetime) -> Fraction:
    return _floor(Fraction(max(end - begin, timedelta(0)) // timedelta(microseconds=1), 3_600_000_000))


def _floor(value: Fraction) -> Fraction:
    return Fraction(math.floor(value * 10_000), 10_000)


def second(at: datetime) -> datetime:
    return at.replace(microsecond=0)

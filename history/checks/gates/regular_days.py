"""The newest day with regular events: a lone row far ahead of all others is a typing error, not today."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from rapport.history.checks.finding import tables_with_time
from rapport.history.contract import Table
from rapport.history.reading.history import History
from rapport.history.sql import quoted

# Tables whose rows date the present; contracts, invoices and customers may be entered ahead or in bulk.
_DATING = ("orders", "interactions", "touches", "tickets", "surveys", "opportunities", "usage")
# So many rows, after so many days without any, are taken for mistakes.
MAX_LONE_ROWS = 3
MIN_GAP_DAYS = 31
GAP_FACTOR = 3
_LOOK_BACK_DAYS = 400


def newest_regular_day(history: History, names: Sequence[str] = _DATING) -> date | None:
    """Return the last day of the events, without lone rows far after all others; None without events."""
    dating = [table for table in tables_with_time(history) if table.name in names]
    tables = dating or [table for table in tables_with_time(history) if table.name == "contracts"]
    found = [day for table in tables if (day := regular_end(event_days(history, table))) is not None]
    return max(found, default=None)


def event_days(history: History, table: Table, before: datetime | None = None) -> list[tuple[date, int]]:
    """Return the days on which the table has rows, with their number."""
    time_column = quoted(table.time)
    until = f"AND {time_column} < TIMESTAMP '{before.isoformat(' ')}'" if before is not None else ""
    rows = history.connection.execute(
        f"SELECT CAST({time_column} AS DATE) AS day, count(*) FROM {quoted(table.name)} "
        f"WHERE {time_column} IS NOT NULL {until} GROUP BY day ORDER BY day"
    ).fetchall()
    return [(day, int(count)) for day, count in rows]


def regular_end(days: list[tuple[date, int]]) -> date | None:
    """Return the last day before a tail of a few rows that follows an unusually long gap."""
    days = list(days)
    while len(days) > 1:
        cut = _tail_start(days)
        if cut is None:
            break
        days = days[:cut]
    return days[-1][0] if days else None


def largest_gap(days: list[date]) -> int:
    """Return the most days between two consecutive event days."""
    return max(((later - earlier).days for earlier, later in pairwise(days)), default=0)


def _tail_start(days: list[tuple[date, int]]) -> int | None:
    """Return where a tail of lone rows begins."""
    rows = 0
    for index in range(len(days) - 1, 0, -1):
        rows += days[index][1]
        if rows > MAX_LONE_ROWS:
            return None
        before = [day for day, _ in days[:index] if (days[index - 1][0] - day).days <= _LOOK_BACK_DAYS]
        gap = (days[index][0] - days[index - 1][0]).days
        if gap > max(MIN_GAP_DAYS, GAP_FACTOR * largest_gap(before)) and index > 2 * (len(days) - index):
            return index
    return None


def midnight_after(day: date) -> datetime:
    """Return the start of the next day."""
    return datetime.combine(day, time()) + timedelta(days=1)

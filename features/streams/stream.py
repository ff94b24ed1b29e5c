"""Event streams: one row per fact, dated on the day from which it is known.

A stream is built from prepared tables (see ``prepared_tables``) and has the columns customer_id, day (whole days since
1970), second (seconds since 1970) and its own numbers and flags. A fact that comes later than its row (paid,
resolved, closed) is a row of its own at its own time, so that it cannot be seen before. An open interval (open tickets,
overdue amount) is +1 on the day it begins and -1 on the day it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis

Tables = Mapping[str, ibis.Table]

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Stream:
    """A named event stream: the tables it reads, how it is built, and its columns.

    ``fixed_point`` are numbers times ``FIXED_POINT_SCALE``, ``integers`` whole numbers, ``flags`` booleans, ``texts``
    lower-case texts that a measure may filter by (``where="action=webinar"``). ``any_table``: one of the tables is
    enough.
    """

    name: str
    tables: tuple[str, ...]
    build: Callable[[Tables], ibis.Table]
    integers: tuple[str, ...] = ()
    fixed_point: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    any_table: bool = False

    def is_measurable(self, tables: frozenset[str]) -> bool:
        """Return whether the stream can be built for a company that keeps these tables."""
        return (any if self.any_table else all)(table in tables for table in self.tables)

    def rows(self, tables: Tables) -> ibis.Table:
        """Return the stream's rows with exactly the declared columns."""
        built = self.build(tables)
        return built.select(
            "customer_id",
            day=built.day.cast("int32"),
            second=built.second.cast("int64"),
            **{name: built[name].cast("int64") for name in (*self.integers, *self.fixed_point)},
            **{name: built[name].fill_null(False) for name in self.flags},
            **{name: built[name].lower().fill_null("") for name in self.texts},
        )


def with_gaps(rows: ibis.Table) -> ibis.Table:
    """Add ``gap``, the whole days since the previous day with a row, and ``new_day``, true on a day's first row."""
    # By day, not by second: a cutoff's day may begin within a second.
    before = rows.day.lag().over(ibis.window(group_by=rows.customer_id, order_by=rows.day))
    rows = rows.mutate(previous_day=before)
    new_day = rows.previous_day.isnull() | (rows.day > rows.previous_day)
    return rows.mutate(new_day=new_day, gap=ibis.ifelse(new_day, rows.day - rows.previous_day, None))


def at_fact_time(rows: ibis.Table, fact: str) -> ibis.Table:
    """Return the rows whose fact is known, dated at the fact's own time (never before the row itself)."""
    rows = rows.filter(rows[f"{fact}_day"].notnull())
    return rows.mutate(
        day=ibis.greatest(rows[f"{fact}_day"], rows.day),
        second=ibis.greatest((rows[f"{fact}_us"] // 1_000_000).cast("int64"), rows.second),
    )


def open_interval(begin: ibis.Table, end: ibis.Table, amount: str | None = None) -> ibis.Table:
    """Return the changes of what is open: +1 (or +amount) at each begin and -1 (or -amount) at each end.

    They are in the column ``change``; ``each`` is always +1 and -1.
    """
    parts = []
    for rows, sign in ((begin, 1), (end, -1)):
        change = rows[amount] * sign if amount else ibis.literal(sign, "int64")
        parts.append(event_rows(rows, change=change, each=ibis.literal(sign, "int64")))
    return ibis.union(*parts)


def event_rows(rows: ibis.Table, **columns: ibis.Value) -> ibis.Table:
    """Return customer, day, second and the given columns, in types that both sides of a union share."""
    day, second = rows.day.cast("int32"), rows.second.cast("int64")
    integers = {name: value.cast("int64") for name, value in columns.items()}
    return rows.select("customer_id", day=day, second=second, **integers)


def first_occurrences(rows: ibis.Table, column: str) -> ibis.Table:
    """Return the first row of each value of a column, so that counting rows counts distinct values."""
    rows = rows.filter(rows[column].notnull())
    return rows.group_by("customer_id", column).agg(day=rows.day.min(), second=rows.second.min())


def distinct_in_window(rows: ibis.Table, column: str, days: int) -> ibis.Table:
    """Return changes whose sum is the number of distinct values of the last ``days`` days.

    A value counts from its row until ``days`` days later; another row of it in between extends the interval.
    """
    rows = rows.filter(rows[column].notnull())
    among = ibis.window(group_by=["customer_id", column], order_by=rows.day)
    rows = rows.mutate(before=rows.day.lag().over(among), after=rows.day.lead().over(among))
    begin = rows.filter(rows.before.isnull() | (rows.before + days < rows.day))
    end = rows.filter(rows.after.isnull() | (rows.after > rows.day + days))
    return open_interval(begin, end.mutate(day=end.day + days))

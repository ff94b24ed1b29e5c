"""Event streams: one row per fact, dated on the day from which it is known.

A stream is built from prepared tables (see ``prepared_tables``) and has the columns customer_id, day (whole days since
1970), second (seconds since 1970) and its own numbers and flags. A fact that comes later than its row (paid,
resolved, closed) is a row of its own at its own time, so that it cannot be seen before. An open interval (open tickets,
overdue amount) is +1 on the day it begins and -1 on the day it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rapport.features.arrays.value import Value
from rapport.features.arrays.verbs import Rows, concat

Tables = Mapping[str, Rows]

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
    build: Callable[[Tables], Rows]
    integers: tuple[str, ...] = ()
    fixed_point: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    any_table: bool = False

    def is_measurable(self, tables: frozenset[str]) -> bool:
        """Return whether the stream can be built for a company that keeps these tables."""
        return (any if self.any_table else all)(table in tables for table in self.tables)

    def rows(self, tables: Tables) -> Rows:
        """Return the stream's rows with exactly the declared columns."""
        built = self.build(tables)
        return built.select(
            **{name: built[name] for name in ("customer_id", "day", "second", *self.integers, *self.fixed_point)},
            **{name: built[name].fill_null(False) for name in self.flags},
            **{name: built[name].lower().fill_null("") for name in self.texts},
        )


def with_gaps(rows: Rows) -> Rows:
    """Add ``gap``, the whole days since the previous day with a row, and ``new_day``, true on a day's first row."""
    # By day, not by second: a cutoff's day may begin within a second.
    before = rows.group_by("customer_id", order_by=["day"]).lag("day")
    new_day = before.is_null() | (rows["day"] > before)
    return rows.with_columns(new_day=new_day, gap=(rows["day"] - before).null_unless(new_day))


def at_fact_time(rows: Rows, fact: str) -> Rows:
    """Return the rows whose fact is known, dated at the fact's own time (never before the row itself)."""
    rows = rows.filter(rows[f"{fact}_day"].is_known())
    second = (rows[f"{fact}_us"] // 1_000_000).cast(np.int64)
    return rows.with_columns(day=rows[f"{fact}_day"].at_least(rows["day"]), second=second.at_least(rows["second"]))


def open_interval(begin: Rows, end: Rows, amount: str | None = None) -> Rows:
    """Return the changes of what is open: +1 (or +amount) at each begin and -1 (or -amount) at each end.

    They are in the column ``change``; ``each`` is always +1 and -1.
    """
    parts = [
        event_rows(rows, change=rows[amount] * sign if amount else sign, each=sign)
        for rows, sign in ((begin, 1), (end, -1))
    ]
    return concat(*parts)


def event_rows(rows: Rows, **columns: Value | int) -> Rows:
    """Return customer, day, second and the given columns."""
    return rows.select(customer_id=rows["customer_id"], day=rows["day"], second=rows["second"], **columns)


def first_occurrences(rows: Rows, column: str) -> Rows:
    """Return the first row of each value of a column, so that counting rows counts distinct values."""
    groups = rows.filter(rows[column].is_known()).group_by("customer_id", column)
    return groups.rows(day=groups.min("day"), second=groups.min("second"))


def distinct_in_window(rows: Rows, column: str, days: int) -> Rows:
    """Return changes whose sum is the number of distinct values of the last ``days`` days.

    A value counts from its row until ``days`` days later; another row of it in between extends the interval.
    """
    rows = rows.filter(rows[column].is_known())
    among = rows.group_by("customer_id", column, order_by=["day"])
    before, after, day = among.lag("day"), among.lead("day"), rows["day"]
    begin = rows.filter(before.is_null() | (before + days < day))
    end = rows.filter(after.is_null() | (after > day + days))
    return open_interval(begin, end.with_columns(day=end["day"] + days))

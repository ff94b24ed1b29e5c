"""Streams: what happened, one row a fact, each placed on the day from which it is known.

A stream is built from prepared tables (see ``sources``) and has the columns customer_id, day (whole days since
1970), second (seconds since 1970) and its own numbers and flags. A fact that comes later than its row (paid,
resolved, closed) is a row of its own at its own time, so it cannot be seen before. A stock (open tickets, overdue
amount) is +1 on the day it begins and -1 on the day it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis

Tables = Mapping[str, ibis.Table]

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Stream:
    """A named stream: the tables it reads, how it is built, and what its columns are.

    ``ticks`` are numbers in 1/10,000 parts, ``whole`` are whole numbers, ``flags`` are true or false, ``names`` are
    texts that a measure may ask to equal a value (``where="action=webinar"``), in lower case. ``either`` says that one
    of the tables is enough.
    """

    name: str
    tables: tuple[str, ...]
    build: Callable[[Tables], ibis.Table]
    whole: tuple[str, ...] = ()
    ticks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    either: bool = False

    def is_kept(self, tables: frozenset[str]) -> bool:
        """Return whether a company that keeps these tables has this stream."""
        return (any if self.either else all)(table in tables for table in self.tables)

    def rows(self, tables: Tables) -> ibis.Table:
        """Return the stream's rows with exactly the declared columns."""
        built = self.build(tables)
        return built.select(
            "customer_id",
            day=built.day.cast("int32"),
            second=built.second.cast("int64"),
            **{name: built[name].cast("int64") for name in (*self.whole, *self.ticks)},
            **{name: built[name].fill_null(False) for name in self.flags},
            **{name: built[name].lower().fill_null("") for name in self.names},
        )


def with_gaps(rows: ibis.Table) -> ibis.Table:
    """Add ``gap``, the whole days since the previous day with a row, and ``new_day``, true on a day's first row."""
    # By day, not by second: a cutoff's turn of the day may lie within a second.
    before = rows.day.lag().over(ibis.window(group_by=rows.customer_id, order_by=rows.day))
    rows = rows.mutate(previous_day=before)
    new_day = rows.previous_day.isnull() | (rows.day > rows.previous_day)
    return rows.mutate(new_day=new_day, gap=ibis.ifelse(new_day, rows.day - rows.previous_day, None))


def later(rows: ibis.Table, fact: str) -> ibis.Table:
    """Return the rows whose fact has come, each placed at the fact's own time (never before the row itself)."""
    rows = rows.filter(rows[f"{fact}_day"].notnull())
    return rows.mutate(
        day=ibis.greatest(rows[f"{fact}_day"], rows.day),
        second=ibis.greatest((rows[f"{fact}_us"] // 1_000_000).cast("int64"), rows.second),
    )


def stock(begin: ibis.Table, end: ibis.Table, amount: str | None = None) -> ibis.Table:
    """Return +1 (or +amount) where something begins and -1 (or -amount) where it ends, as column ``change``.

    ``each`` is +1 and -1 in any case.
    """
    parts = []
    for rows, sign in ((begin, 1), (end, -1)):
        change = rows[amount] * sign if amount else ibis.literal(sign, "int64")
        parts.append(placed(rows, change=change, each=ibis.literal(sign, "int64")))
    return ibis.union(*parts)


def placed(rows: ibis.Table, **columns: ibis.Value) -> ibis.Table:
    """Return who, when and the given columns, in types that any two parts share."""
    day, second = rows.day.cast("int32"), rows.second.cast("int64")
    whole = {name: value.cast("int64") for name, value in columns.items()}
    return rows.select("customer_id", day=day, second=second, **whole)


def firsts(rows: ibis.Table, column: str) -> ibis.Table:
    """Return the first row of each value of a column, so that counting rows counts distinct values."""
    rows = rows.filter(rows[column].notnull())
    return rows.group_by("customer_id", column).agg(day=rows.day.min(), second=rows.second.min())


def distinct_within(rows: ibis.Table, column: str, days: int) -> ibis.Table:
    """Return changes whose sum is the number of distinct values seen in the last ``days`` days.

    A value counts from its row until ``days`` days after it, unless another row of it comes in between: then nothing
    changes.
    """
    rows = rows.filter(rows[column].notnull())
    among = ibis.window(group_by=["customer_id", column], order_by=rows.day)
    rows = rows.mutate(before=rows.day.lag().over(among), after=rows.day.lead().over(among))
    begin = rows.filter(rows.before.isnull() | (rows.before + days < rows.day))
    end = rows.filter(rows.after.isnull() | (rows.after > rows.day + days))
    return stock(begin, end.mutate(day=end.day + days))

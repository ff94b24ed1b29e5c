"""Checks of times: stale tables, months with gaps, future rows, late records."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from rapport.durations import Duration
from rapport.history.checks.finding import Finding, message, one_row, tables_with_time, timestamp_literal
from rapport.history.contract import TABLES, Table
from rapport.history.reading.history import History
from rapport.history.sql import quoted

# A table that ends this long before the others is an old export, unless such gaps are usual in it.
STALE_DAYS = 60
# A month with less than this share of the usual rows is more often a gap in the data than in the business.
DROP_SHARE = 0.3
DROP_ROWS = 20
USUAL_MONTHS = 6
# Rows recorded this long after their time are hidden from every cutoff in between.
LATE_DAYS, LATE_SHARE = 30, 0.05


def stale_tables(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find tables that end long before the others."""
    for table, months in monthly_rows(history, as_of):
        last = history.loaded[table.name].time_range[1]
        silent = (as_of - last).days if last is not None else 0
        busy = [month for month, count in months if count]
        gaps = [(later - earlier).days for earlier, later in pairwise(busy)]
        if silent > max(STALE_DAYS, 2 * max(gaps, default=0)):
            yield Finding.of("warn", "stale_table", table.name, {"last": str(last), "days": silent}, day=last)


def volume_drops(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find months with far fewer rows than the months before them."""
    for table, months in monthly_rows(history, as_of):
        drops = _drops(_full_months(months, history.loaded[table.name].time_range[1] or as_of))
        if drops:
            first, count, usual = drops[0]
            more = message("volume_drop.more", months=len(drops)) if len(drops) > 1 else ""
            facts = {"months": [list(drop) for drop in drops]}
            yield Finding.of("warn", "volume_drop", table.name, facts, first=first, count=count, usual=usual, more=more)


def _full_months(months: list[tuple[datetime, int]], last: datetime) -> list[tuple[datetime, int]]:
    """Return the months without the first, and without an unfinished last one."""
    over = Duration(months=1)
    return [(month, count) for month, count in months[1:] if over.after(month) <= last + timedelta(days=1)]


def _drops(counts: list[tuple[datetime, int]]) -> list[tuple[str, int, int]]:
    drops = []
    for index, (month, count) in enumerate(counts):
        usual = median([each for _, each in counts[max(index - USUAL_MONTHS, 0) : index]] or [0])
        if usual >= DROP_ROWS and count < DROP_SHARE * usual:
            drops.append((f"{month:%Y-%m}", count, int(usual)))
    return drops


def rows_ahead(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find rows later than the date of the report."""
    for table in tables_with_time(history):
        last = history.loaded[table.name].time_range[1]
        if last is None or last <= as_of:
            continue
        (ahead,) = one_row(
            history, f"SELECT count(*) FROM {table.name} WHERE {quoted(table.time)} > {timestamp_literal(as_of)}"
        )
        yield Finding.of("note", "rows_ahead", table.name, {"rows": ahead, "last": str(last)}, as_of=as_of, day=last)


def late_records(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables whose rows were recorded long after their time, for example by a migration."""
    for table in tables_with_time(history):
        if table.time == "recorded_at" or "recorded_at" not in history.present[table.name]:
            continue
        time = quoted(table.time)
        late, rows = one_row(
            history,
            f"SELECT count(*) FILTER (recorded_at > {time} + INTERVAL {LATE_DAYS} DAY), count({time}) "
            f"FROM {table.name}",
        )
        if late > LATE_SHARE * rows:
            facts = {"rows": late, "share": round(late / rows, 4)}
            yield Finding.of("warn", "late_records", table.name, facts, late_days=LATE_DAYS)


def backward_times(history: History, _: datetime) -> Iterable[Finding]:
    """Find facts with a time before the time of their row."""
    for table in tables_with_time(history):
        later = [c.name for c in table.columns if c.later == c.name and c.name in history.present[table.name]]
        for name in later:
            (rows,) = one_row(history, f"SELECT count(*) FROM {table.name} WHERE {name} < {table.time}")
            if rows:
                yield Finding.of("note", "backward_times", table.name, {"rows": rows, "column": name}, time=table.time)


def unrecorded_states(history: History, _: datetime) -> Iterable[Finding]:
    """Find states without a recording time, which cannot be used."""
    for table in TABLES:
        present = history.present.get(table.name, frozenset())
        undated = present - history.tracked.get(table.name, frozenset())
        states = [column.name for column in table.columns if column.later == "recorded_at" and column.name in undated]
        if states and "recorded_at" not in present:
            listed = ", ".join(states[:4]) + (", …" if len(states) > 4 else "")
            yield Finding.of("note", "unrecorded_states", table.name, {"columns": states}, listed=listed)


def monthly_rows(history: History, as_of: datetime) -> Iterable[tuple[Table, list[tuple[datetime, int]]]]:
    """Yield each event table with its number of rows per month, empty months included."""
    for table in tables_with_time(history):
        if table.is_reference or table.name in ("customers", "contacts", "contracts"):
            continue
        rows = history.connection.execute(
            f"SELECT date_trunc('month', {table.time})::TIMESTAMP AS month, count(*) FROM {table.name} "
            f"WHERE {table.time} <= {timestamp_literal(as_of)} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        yield table, _without_gaps(rows)


def _without_gaps(months: list[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Return the months with zeros for those without a row."""
    counts = dict(months)
    month, complete = months[0][0] if months else None, []
    while month is not None and month <= months[-1][0]:
        complete.append((month, counts.get(month, 0)))
        month = Duration(months=1).after(month)
    return complete

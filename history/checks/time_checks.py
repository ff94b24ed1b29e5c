"""Checks of times: stale tables, months with gaps, future rows, late records."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from rapport.durations import Duration
from rapport.history.checks.finding import Finding, one_row, tables_with_time, timestamp_literal
from rapport.history.contract import TABLES, Table
from rapport.history.reading.history import History
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

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
            yield Finding(
                "stale_table",
                "warn",
                table.name,
                LocalizedText(
                    f"{table.name}: ends on {last:%Y-%m-%d}, {silent} days before the rest. Is it an old export? "
                    "Its features will show no recent activity.",
                    f"{table.name}：数据止于 {last:%Y-%m-%d}，比其他表早 {silent} 天。"
                    "是否导出过旧？相关特征会显示近期没有活动。",
                ),
                {"last": str(last), "days": silent},
            )


def volume_drops(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find months with far fewer rows than the months before them."""
    for table, months in monthly_rows(history, as_of):
        drops = _drops(_full_months(months, history.loaded[table.name].time_range[1] or as_of))
        if drops:
            first, count, usual = drops[0]
            more = f"; {len(drops)} months are like this" if len(drops) > 1 else ""
            yield Finding(
                "volume_drop",
                "warn",
                table.name,
                LocalizedText(
                    f"{table.name}: {first} has {count} rows where {usual} are usual{more}. Is a part missing?",
                    f"{table.name}：{first} 只有 {count} 行，而通常为 {usual} 行"
                    f"{f'，共有 {len(drops)} 个月如此' if len(drops) > 1 else ''}。是否缺了一部分数据？",
                ),
                {"months": [list(drop) for drop in drops]},
            )


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
        yield Finding(
            "rows_ahead",
            "note",
            table.name,
            LocalizedText(
                f"{table.name}: {ahead} rows lie after {as_of:%Y-%m-%d} (up to {last:%Y-%m-%d}); "
                "they are visible from then on.",
                f"{table.name}：有 {ahead} 行晚于 {as_of:%Y-%m-%d}（最晚 {last:%Y-%m-%d}），到时才计入。",
            ),
            {"rows": ahead, "last": str(last)},
        )


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
            yield Finding(
                "late_records",
                "warn",
                table.name,
                LocalizedText(
                    f"{table.name}: {late / rows:.0%} of the rows were recorded more than {LATE_DAYS} days after "
                    "their time. They were unknown until then, so models of the past do not use them. If a "
                    "migration caused this, leave recorded_at out.",
                    f"{table.name}：{late / rows:.0%} 的行在发生 {LATE_DAYS} 天后才记录，此前视为未知。"
                    "若因系统迁移所致，请去掉 recorded_at。",
                ),
                {"rows": late, "share": round(late / rows, 4)},
            )


def backward_times(history: History, _: datetime) -> Iterable[Finding]:
    """Find facts with a time before the time of their row."""
    for table in tables_with_time(history):
        later = [c.name for c in table.columns if c.later == c.name and c.name in history.present[table.name]]
        for name in later:
            (rows,) = one_row(history, f"SELECT count(*) FROM {table.name} WHERE {name} < {table.time}")
            if rows:
                yield Finding(
                    "backward_times",
                    "note",
                    table.name,
                    LocalizedText(
                        f"{table.name}: in {rows} rows {name} lies before {table.time}.",
                        f"{table.name}：有 {rows} 行的 {name} 早于 {table.time}。",
                    ),
                    {"rows": rows, "column": name},
                )


def unrecorded_states(history: History, _: datetime) -> Iterable[Finding]:
    """Find states without a recording time, which cannot be used."""
    for table in TABLES:
        present = history.present.get(table.name, frozenset())
        undated = present - history.tracked.get(table.name, frozenset())
        states = [column.name for column in table.columns if column.later == "recorded_at" and column.name in undated]
        if states and "recorded_at" not in present:
            listed = ", ".join(states[:4]) + (", …" if len(states) > 4 else "")
            yield Finding(
                "unrecorded_states",
                "note",
                table.name,
                LocalizedText(
                    f"{table.name}: {listed} change over time, and without recorded_at it is unknown since when they "
                    "hold; they are not used. Add recorded_at to use them.",
                    f"{table.name}：{listed} 会随时间改变，没有 recorded_at 就不知自何时如此，"
                    "故未使用；补上 recorded_at 即可使用。",
                ),
                {"columns": states},
            )


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

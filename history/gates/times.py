"""When it happened: tables that end early, months with gaps, rows ahead, records that came late."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from rapport.history.contract import TABLES, Table, Words
from rapport.history.gates.finding import Finding, moment_sql, one_row, tables_with_time
from rapport.history.reading import History

from rapport.durations import Span

# A table that ends this long before the others is an old export, unless that long is usual between its rows.
STALE_DAYS = 60
# A full month below this share of the usual one is a gap in the data more often than in the business.
DROP_SHARE = 0.3
DROP_ROWS = 20
USUAL_MONTHS = 6
# Rows recorded so long after their time were hidden from every cutoff in between.
LATE_DAYS, LATE_SHARE = 30, 0.05


def stale_tables(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find tables that end long before the others."""
    for table, months in monthly_rows(history, as_of):
        last = history.laid[table.name].span[1]
        silent = (as_of - last).days if last is not None else 0
        busy = [month for month, count in months if count]
        gaps = [(later - earlier).days for earlier, later in pairwise(busy)]
        if silent > max(STALE_DAYS, 2 * max(gaps, default=0)):
            yield Finding(
                "stale_table",
                "warn",
                table.name,
                Words(
                    f"{table.name}: ends on {last:%Y-%m-%d}, {silent} days before the rest. Is it an old export? "
                    "Its features will say that nothing happens any more.",
                    f"{table.name}：数据止于 {last:%Y-%m-%d}，比其他表早 {silent} 天。"
                    "是否导出过旧？相关特征会显示近期无事发生。",
                ),
                {"last": str(last), "days": silent},
            )


def volume_drops(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find months with far fewer rows than the months before them."""
    for table, months in monthly_rows(history, as_of):
        drops = _drops(_full_months(months, history.laid[table.name].span[1] or as_of))
        if drops:
            first, count, usual = drops[0]
            more = f"; {len(drops)} months are like that" if len(drops) > 1 else ""
            yield Finding(
                "volume_drop",
                "warn",
                table.name,
                Words(
                    f"{table.name}: {first} has {count} rows where {usual} are usual{more}. Is a part missing?",
                    f"{table.name}：{first} 只有 {count} 行，而通常为 {usual} 行"
                    f"{f'，共有 {len(drops)} 个月如此' if len(drops) > 1 else ''}。是否缺了一部分数据？",
                ),
                {"months": [list(drop) for drop in drops]},
            )


def _full_months(months: list[tuple[datetime, int]], last: datetime) -> list[tuple[datetime, int]]:
    """Return the months without the first, which began in the middle, and without a last that is not over."""
    over = Span(months=1)
    return [(month, count) for month, count in months[1:] if over.after(month) <= last + timedelta(days=1)]


def _drops(counts: list[tuple[datetime, int]]) -> list[tuple[str, int, int]]:
    drops = []
    for place, (month, count) in enumerate(counts):
        usual = median([each for _, each in counts[max(place - USUAL_MONTHS, 0) : place]] or [0])
        if usual >= DROP_ROWS and count < DROP_SHARE * usual:
            drops.append((f"{month:%Y-%m}", count, int(usual)))
    return drops


def rows_ahead(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find rows whose time lies after the day of the report."""
    for table in tables_with_time(history):
        last = history.laid[table.name].span[1]
        if last is None or last <= as_of:
            continue
        (ahead,) = one_row(history, f"SELECT count(*) FROM {table.name} WHERE {table.time} > {moment_sql(as_of)}")
        yield Finding(
            "rows_ahead",
            "note",
            table.name,
            Words(
                f"{table.name}: {ahead} rows lie after {as_of:%Y-%m-%d} (up to {last:%Y-%m-%d}); "
                "they count from then on.",
                f"{table.name}：有 {ahead} 行晚于 {as_of:%Y-%m-%d}（最晚 {last:%Y-%m-%d}），到时才计入。",
            ),
            {"rows": ahead, "last": str(last)},
        )


def late_records(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables whose rows were recorded long after their time, as after a migration."""
    for table in tables_with_time(history):
        if table.time == "recorded_at" or "recorded_at" not in history.present[table.name]:
            continue
        late, rows = one_row(
            history,
            f"SELECT count(*) FILTER (recorded_at > {table.time} + INTERVAL {LATE_DAYS} DAY), count({table.time}) "
            f"FROM {table.name}",
        )
        if late > LATE_SHARE * rows:
            yield Finding(
                "late_records",
                "warn",
                table.name,
                Words(
                    f"{table.name}: {late / rows:.0%} of the rows were recorded more than {LATE_DAYS} days after "
                    "their time. They were unknown until then, so models of the past do without them. If that was "
                    "a migration, leave recorded_at out.",
                    f"{table.name}：{late / rows:.0%} 的行在发生 {LATE_DAYS} 天后才记录，此前视为未知。"
                    "若因系统迁移所致，请去掉 recorded_at。",
                ),
                {"rows": late, "share": round(late / rows, 4)},
            )


def backward_times(history: History, _: datetime) -> Iterable[Finding]:
    """Find later facts that come before their own row."""
    for table in tables_with_time(history):
        later = [c.name for c in table.columns if c.later == c.name and c.name in history.present[table.name]]
        for name in later:
            (rows,) = one_row(history, f"SELECT count(*) FROM {table.name} WHERE {name} < {table.time}")
            if rows:
                yield Finding(
                    "backward_times",
                    "note",
                    table.name,
                    Words(
                        f"{table.name}: in {rows} rows {name} lies before {table.time}.",
                        f"{table.name}：有 {rows} 行的 {name} 早于 {table.time}。",
                    ),
                    {"rows": rows, "column": name},
                )


def unrecorded_states(history: History, _: datetime) -> Iterable[Finding]:
    """Find states that are given without saying since when, so that they cannot be used."""
    for table in TABLES:
        given = history.present.get(table.name, frozenset())
        states = [column.name for column in table.columns if column.later == "recorded_at" and column.name in given]
        if states and "recorded_at" not in given:
            listed = ", ".join(states[:4]) + (", …" if len(states) > 4 else "")
            yield Finding(
                "unrecorded_states",
                "note",
                table.name,
                Words(
                    f"{table.name}: {listed} change over time, and without recorded_at nobody knows since when they "
                    "are so; they are not used. Give recorded_at to use them.",
                    f"{table.name}：{listed} 会随时间改变，没有 recorded_at 就不知自何时如此，"
                    "故未使用；补上 recorded_at 即可使用。",
                ),
                {"columns": states},
            )


def monthly_rows(history: History, as_of: datetime) -> Iterable[tuple[Table, list[tuple[datetime, int]]]]:
    """Yield each table of events with its rows a month, those without any among them."""
    for table in tables_with_time(history):
        if table.name in ("customers", "contacts", "contracts"):
            continue
        rows = history.connection.execute(
            f"SELECT date_trunc('month', {table.time})::TIMESTAMP AS month, count(*) FROM {table.name} "
            f"WHERE {table.time} <= {moment_sql(as_of)} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        yield table, _without_gaps(rows)


def _without_gaps(months: list[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Return the months with zeros for those in between that have no row."""
    counts = dict(months)
    month, whole = months[0][0] if months else None, []
    while month is not None and month <= months[-1][0]:
        whole.append((month, counts.get(month, 0)))
        month = Span(months=1).after(month)
    return whole

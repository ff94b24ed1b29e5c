"""Gates of feeds: tables that are removed, empty, shrunk or stale, and a cutoff in the future."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rapport.history.checks.finding import Finding, tables_with_time, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline, flag, refusal
from rapport.history.checks.gates.regular_days import event_days, largest_gap, newest_regular_day, regular_end
from rapport.history.contract import RECORDED_AT, Table, by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

# Silence is stale beyond this many times the longest usual gap, and never below so many days.
STALE_FACTOR, STALE_MIN_DAYS = 3, 21
FLAG_FACTOR, FLAG_MIN_DAYS = 2.0, 14
# Fewer event days show no rhythm, so a gap proves nothing.
MIN_EVENT_DAYS = 30
_LOOK_BACK_DAYS = 730
# A history grows from run to run, so that a loss of few rows shows; since training it may have lost some by intent.
LOST_REFUSED, LOST_FLAGGED, LOST_SINCE_TRAINING = 0.4, 0.02, 0.1


def future_cutoff(_: History, as_of: datetime, baseline: Baseline) -> Iterable[Finding]:
    """Refuse a cutoff after the day of the run."""
    if baseline.now is None:
        return
    latest = baseline.now.replace(tzinfo=None) + timedelta(days=1)
    if as_of.replace(tzinfo=None) > latest:
        yield refusal(
            "future_cutoff",
            "",
            LocalizedText(
                f"The cutoff {as_of:%Y-%m-%d} lies in the future (today is {baseline.now:%Y-%m-%d}): its scores would "
                "answer until then in place of the true ones. Give a date that has come.",
                f"截止日 {as_of:%Y-%m-%d} 在未来（今天是 {baseline.now:%Y-%m-%d}），其评分会一直替代真实评分。"
                "请改为已到的日期。",
            ),
            as_of=as_of.isoformat(),
        )


def empty_tables(history: History, as_of: datetime, baseline: Baseline) -> Iterable[Finding]:
    """Refuse if a table that the model needs has no rows before the cutoff, or lost most of those it had."""
    needed = outcome_tables(history)
    for name in dict.fromkeys((*baseline.tables, *baseline.rows, *needed, *history.loaded)):
        table = by_name(name)
        rows = _rows_before(history, table, as_of)
        expected = name in needed or name in baseline.tables or baseline.rows.get(name, 0) > 0
        if rows == 0:
            yield from _empty(table, removed=name not in history.loaded, refused=expected and not table.is_reference)
            continue
        yield from _shrunk(name, rows, baseline, as_of)


def _shrunk(name: str, rows: int, baseline: Baseline, as_of: datetime) -> Iterable[Finding]:
    """Find a table with fewer rows than the last run had; before the first run, than the model was trained with."""
    if before := baseline.rows.get(name, 0):
        lost = 1 - rows / before
        if lost > LOST_FLAGGED:
            text = _shrunk_text(name, rows, before, LocalizedText("the last run", "上次评分"))
            yield _finding(lost > LOST_REFUSED, "shrunk_table", name, text, rows=rows)
        return
    trained, before = baseline.trained_as_of, baseline.trained_rows.get(name, 0)
    # A model may be trained on more companies than it scores, so this refuses nothing.
    if trained is not None and trained.replace(tzinfo=None) <= as_of and rows < (1 - LOST_SINCE_TRAINING) * before:
        yield flag("shrunk_table", name, _shrunk_text(name, rows, before, LocalizedText("training", "训练")), rows=rows)


def _empty(table: Table, *, removed: bool, refused: bool) -> Iterable[Finding]:
    name = table.name
    what, was = ("is missing", "缺失") if removed else ("has no row before the cutoff", "在截止日前没有任何行")
    why = " The model was trained with it." if refused else ""
    text = LocalizedText(
        f"{name}: {what}.{why} Deliver the table again, or remove it from the source if it no longer exists.",
        f"{name}：{was}。{'模型训练时使用了它。' if refused else ''}请重新提供该表；若已不再使用，请从数据源移除。",
    )
    yield _finding(refused, "empty_table", name, text, rows=0)


def _shrunk_text(name: str, rows: int, before: int, then: LocalizedText) -> LocalizedText:
    return LocalizedText(
        f"{name}: has {rows:,} rows where {then.en} had {before:,}. A history grows; deliver the whole table.",
        f"{name}：只有 {rows:,} 行，而{then.zh}时有 {before:,} 行。历史只会增长，请提供完整的表。",
    )


def stale_feeds(history: History, as_of: datetime, baseline: Baseline) -> Iterable[Finding]:
    """Refuse if a table stopped: silent far longer than it ever was, and not so already when the model was trained."""
    for table in tables_with_time(history):
        if table.is_reference:
            continue
        days = event_days(history, table, as_of)
        end = regular_end(days)
        if end is None:
            continue
        recent = [day for day, _ in days if day <= end and (end - day).days <= _LOOK_BACK_DAYS]
        silent = (as_of.date() - end).days
        gap = largest_gap(recent)
        trained = baseline.trained_as_of
        # A feed that had stopped before the model was trained is no news to it.
        then = baseline.ends.get(table.name, end)
        known = trained is not None and (trained.date() - then).days > max(FLAG_MIN_DAYS, FLAG_FACTOR * gap)
        is_stale = silent > max(STALE_MIN_DAYS, STALE_FACTOR * gap) and len(recent) >= MIN_EVENT_DAYS
        is_essential = trained is not None or table.name in outcome_tables(history)
        is_continuous = _is_fed_continuously(table)
        if is_stale or (is_continuous and silent > max(FLAG_MIN_DAYS, FLAG_FACTOR * gap)):
            refused = is_stale and not known and is_essential and is_continuous
            yield _finding(refused, "stale_feed", table.name, _stale_text(table.name, end, silent, gap), days=silent)


def _is_fed_continuously(table: Table) -> bool:
    # Customers, contacts and contracts may be entered in bulk, some weeks or months apart.
    return table.name not in ("customers", "contacts", "contracts", "credit")


def _stale_text(name: str, end: object, silent: int, gap: int) -> LocalizedText:
    return LocalizedText(
        f"{name}: the last row is of {end}, {silent} days before the cutoff; its longest gap was {gap} days. Did the "
        "feed stop? Every customer would look silent. Bring the table up to date, or score as of that day.",
        f"{name}：最后一行为 {end}，距截止日 {silent} 天，而此前最长间隔为 {gap} 天。数据是否已停止更新？"
        "否则所有客户都会显得沉寂。请更新该表，或以该日为截止日。",
    )


def lone_future_rows(history: History, _: datetime, __: Baseline) -> Iterable[Finding]:
    """Flag a few rows far after all others: the default cutoff does not follow them."""
    newest = newest_regular_day(history)
    if newest is None:
        return
    for table in tables_with_time(history):
        last = history.loaded[table.name].time_range[1]
        end = regular_end(event_days(history, table))
        if table.is_reference or last is None or end is None or last.date() <= max(end, newest):
            continue
        time_column = quoted(table.time)
        owner = "customer_id" if table.has_customers else "NULL"
        rows = history.connection.execute(
            f"SELECT {owner}, CAST({time_column} AS DATE) FROM {quoted(table.name)} "
            f"WHERE {time_column} >= DATE '{max(end, newest)}' + 1 ORDER BY {time_column} DESC LIMIT 3"
        ).fetchall()
        listed = ", ".join(f"{customer or ''} {day}".strip() for customer, day in rows)
        yield flag(
            "lone_future_row",
            table.name,
            LocalizedText(
                f"{table.name}: a row lies far after all others ({listed}; the others end on {end}). "
                "Is the year right?",
                f"{table.name}：有一行远晚于其余各行（{listed}；其余止于 {end}）。年份是否有误？",
            ),
            rows=[[customer, str(day)] for customer, day in rows],
            end=str(end),
        )


def rows_before(history: History, as_of: datetime) -> dict[str, int]:
    """Return the rows of each table before the cutoff, for the record of a run."""
    return {name: _rows_before(history, by_name(name), as_of.replace(tzinfo=None)) for name in history.loaded}


def feed_ends(history: History, as_of: datetime) -> dict[str, str]:
    """Return the last regular day of each table before the cutoff, for the record of a model."""
    ends = {table.name: regular_end(event_days(history, table, as_of)) for table in tables_with_time(history)}
    return {name: end.isoformat() for name, end in ends.items() if end is not None}


def outcome_tables(history: History) -> tuple[str, ...]:
    """Return the tables without which no outcome is known."""
    if history.settings.churn != "orders":
        return ("contracts",)
    return ("opportunities",) if "orders" not in history.loaded and "opportunities" in history.loaded else ("orders",)


def _rows_before(history: History, table: Table, as_of: datetime) -> int:
    if not history.rows.get(table.name):
        return 0
    times = [name for name in (table.time, RECORDED_AT.name) if name in history.present[table.name]]
    known = " AND ".join(f"({quoted(name)} IS NULL OR {quoted(name)} < {timestamp_literal(as_of)})" for name in times)
    sql = f"SELECT count(*) FROM {quoted(table.name)} WHERE {known or 'true'}"
    return int(history.connection.execute(sql).fetchall()[0][0])


def _finding(refused: bool, code: str, table: str, message: LocalizedText, **facts: object) -> Finding:
    return (refusal if refused else flag)(code, table, message, **facts)

"""Gates of feeds: tables that are removed, empty, shrunk or stale, and a cutoff in the future."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rapport.history.checks.finding import Finding, message, tables_with_time, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline
from rapport.history.checks.gates.regular_days import event_days, largest_gap, newest_regular_day, regular_end
from rapport.history.contract import RECORDED_AT, Table, by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted

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
        facts = {"as_of": as_of.isoformat()}
        yield Finding.of("stop", "future_cutoff", "", facts, cutoff=as_of, now=baseline.now)


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
            yield _shrunk_finding(_level(lost > LOST_REFUSED), name, rows, before, "run")
        return
    trained, before = baseline.trained_as_of, baseline.trained_rows.get(name, 0)
    # A model may be trained on more companies than it scores, so this refuses nothing.
    if trained is not None and trained.replace(tzinfo=None) <= as_of and rows < (1 - LOST_SINCE_TRAINING) * before:
        yield _shrunk_finding("warn", name, rows, before, "training")


def _empty(table: Table, *, removed: bool, refused: bool) -> Iterable[Finding]:
    state = message("empty_table.removed" if removed else "empty_table.no_rows")
    why = message("empty_table.trained") if refused else ""
    yield Finding.of(_level(refused), "empty_table", table.name, {"rows": 0}, state=state, why=why)


def _shrunk_finding(level: str, name: str, rows: int, before: int, then: str) -> Finding:
    return Finding.of(level, "shrunk_table", name, {"rows": rows}, before=before, then=message(f"shrunk_table.{then}"))


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
            effect = message("stale_feed.events" if is_continuous else "stale_feed.entries")
            yield Finding.of(
                _level(refused), "stale_feed", table.name, {"days": silent}, end=end, gap=gap, effect=effect
            )


def _is_fed_continuously(table: Table) -> bool:
    # Customers, contacts and contracts may be entered in bulk, some weeks or months apart.
    return table.name not in ("customers", "contacts", "contracts", "credit")


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
        facts = {"rows": [[customer, str(day)] for customer, day in rows], "end": str(end)}
        yield Finding.of("warn", "lone_future_row", table.name, facts, listed=listed)


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


def _level(refused: bool) -> str:
    return "stop" if refused else "warn"

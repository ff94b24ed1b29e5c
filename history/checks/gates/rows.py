"""Gates of rows: lines that were loaded twice, and ids that look alike."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from rapport.history.checks.finding import EXAMPLES, Finding, message, tables_with_time, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline
from rapport.history.contract import Table
from rapport.history.reading.history import History
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

# A month is doubled if this share of its distinct rows comes an even number of times.
EVEN_SHARE = 0.8
# A table is doubled if this share of its rows repeats another, beyond what is usual in its months.
REPEATED_REFUSED, REPEATED_FLAGGED = 0.15, 0.03
MIN_ROWS = 30
RECENT_MONTHS = 14
# An id without case, white space and a decimal; a phone number also without its prefix and punctuation.
_BARE_ID = (
    r"CASE WHEN regexp_full_match(customer_id, '(\+|00)?[\d\s()-]{9,20}') "
    r"THEN regexp_replace(regexp_replace(customer_id, '[^0-9]', '', 'g'), '^(00)?86(1\d{10})$', '\2') "
    r"ELSE regexp_replace(lower(regexp_replace(customer_id, '\s', '', 'g')), '\.0+$', '') END"
)


Month = tuple[str, int, float, float]
"""A month, its rows, the share that repeats another, the share of distinct rows that come an even number of times."""


def doubled_rows(history: History, as_of: datetime, __: Baseline) -> Iterable[Finding]:
    """Refuse tables in which whole parts were loaded twice; flag more repeated lines than usual."""
    for table in tables_with_time(history):
        if table.is_reference or table.name == "customers":
            continue
        found, excess = _unusual_months(history, table, as_of, frozenset())
        if found:
            is_refused = excess >= REPEATED_REFUSED
            level, code = ("stop", "doubled_rows") if is_refused else ("warn", "repeated_rows")
            yield _repeated(level, code, table.name, found, message("doubled_rows.whole"))
        else:
            yield from _renumbered_copies(history, table, as_of)
        yield from _repeated_keys(history, table)


def _renumbered_copies(history: History, table: Table, as_of: datetime) -> Iterable[Finding]:
    """Flag rows that repeat others under another number; several equal orders a day may be right."""
    numbers = frozenset({table.key or "", "order_id"}) & history.present[table.name]
    found, excess = _unusual_months(history, table, as_of, numbers) if numbers else ([], 0.0)
    if excess >= REPEATED_REFUSED:
        how = message("doubled_rows.renumbered", column=min(numbers))
        yield _repeated("warn", "renumbered_rows", table.name, found, how)


def _unusual_months(history: History, table: Table, as_of: datetime, without: Set[str]) -> tuple[list[Month], float]:
    """Return the months in which more rows repeat others than usual, and by how much the worst exceeds it."""
    months = [each for each in _repeats(history, table, as_of, without) if each[1] >= MIN_ROWS]
    usual = _median([repeated for _, _, repeated, _ in months])
    # Where lines repeat in every month alike, only an even multiplicity tells a double load from habit.
    found = [each for each in months if _is_unusual(each[2], each[3], usual)]
    worst = max((each[2] for each in found), default=0.0)
    return found, worst - (usual if usual < EVEN_SHARE / 2 else 0.0)


def _is_unusual(share: float, even: float, usual: float) -> bool:
    if even >= EVEN_SHARE:
        return True
    return share - usual >= REPEATED_FLAGGED and share >= 2 * usual


def _repeats(history: History, table: Table, as_of: datetime, without: Set[str]) -> list[Month]:
    """Return the recent months; ``without`` names columns that need not be the same."""
    present = history.present[table.name] - without
    names = [column.name for column in table.columns if column.name in present and column.name != "recorded_at"]
    moment = quoted(table.time)
    cells = ", ".join(quoted(name) for name in names)
    rows = history.connection.execute(
        f"SELECT date_trunc('month', moment)::DATE AS month, sum(times)::BIGINT, sum(times - 1)::BIGINT, "
        "count(*) FILTER (times % 2 = 0) / count(*) FROM ("
        f"SELECT any_value({moment}) AS moment, count(*) AS times FROM {quoted(table.name)} "
        f"WHERE {moment} < {timestamp_literal(as_of)} "
        f"AND {moment} >= {timestamp_literal(as_of)} - INTERVAL {RECENT_MONTHS} MONTH GROUP BY {cells}) "
        "GROUP BY month ORDER BY month"
    ).fetchall()
    return [(str(month), int(count), repeated / count, float(even)) for month, count, repeated, even in rows]


def _repeated(level: str, code: str, name: str, found: Sequence[Month], how: LocalizedText) -> Finding:
    month, rows, share, _ = found[-1]
    more = message("doubled_rows.more", months=len(found)) if len(found) > 1 else ""
    text = message("doubled_rows", table=name, part=share, rows=rows, month=month[:7], how=how, more=more)
    facts = {"months": [each[0] for each in found], "share": round(max(each[2] for each in found), 4)}
    return Finding(code, level, name, text, facts)


def _repeated_keys(history: History, table: Table) -> Iterable[Finding]:
    """Refuse a keyed table in which many rows had a key that was there already: they were rejected one by one."""
    count = history.rejected.count.get(table.name, 0)
    if table.key is None or not count:
        return
    repeated = sum(
        rows for name, reason, rows, _, _ in history.rejected.summary() if name == table.name and "already" in reason
    )
    share = repeated / (history.rows[table.name] + count)
    if share >= REPEATED_FLAGGED:
        text = message("repeated_keys", table=table.name, repeated=repeated, share=share, key=table.key)
        level = "stop" if share >= REPEATED_REFUSED else "warn"
        yield Finding("doubled_rows", level, table.name, text, {"share": round(share, 4)})


def lookalike_ids(history: History, _: datetime, __: Baseline) -> Iterable[Finding]:
    """Flag customer ids that differ only in case, white space, a spreadsheet's decimal, or how a phone is written."""
    tables = [table.name for table in tables_with_time(history) if table.has_customers]
    if not tables:
        return
    union = " UNION ".join(f"SELECT DISTINCT customer_id FROM {quoted(name)}" for name in tables)
    rows = history.connection.execute(
        f"SELECT list(customer_id ORDER BY customer_id) AS ids FROM ({union}) WHERE customer_id IS NOT NULL GROUP BY "
        f"{_BARE_ID} HAVING count(*) > 1 "
        "ORDER BY ids"
    ).fetchall()
    if rows:
        example = " = ".join(repr(each) for each in rows[0][0][:EXAMPLES])
        facts = {"groups": len(rows), "examples": [row[0] for row in rows[:EXAMPLES]]}
        yield Finding.of("warn", "lookalike_ids", "customers", facts, example=example)
    yield from _mangled_ids(history, union)


def _mangled_ids(history: History, union: str) -> Iterable[Finding]:
    rows = history.connection.execute(
        rf"SELECT customer_id, count(*) OVER () FROM ({union}) "
        r"WHERE regexp_full_match(customer_id, '\d(\.\d+)?[eE]\+\d+') ORDER BY 1 LIMIT 1"
    ).fetchall()
    if rows:
        example, count = rows[0]
        yield Finding.of("warn", "mangled_ids", "customers", {"count": int(count), "example": example})


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0

"""Gates of rows: lines that were loaded twice, and ids that look alike."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from rapport.history.checks.finding import EXAMPLES, Finding, tables_with_time, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline, flag, refusal
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
            yield (refusal if is_refused else flag)(
                "doubled_rows" if is_refused else "repeated_rows",
                table.name,
                _doubled_text(table.name, found, LocalizedText("in every column", "完全相同")),
                months=[each[0] for each in found],
                share=round(max(each[2] for each in found), 4),
            )
        else:
            yield from _renumbered_copies(history, table, as_of)
        yield from _repeated_keys(history, table)


def _renumbered_copies(history: History, table: Table, as_of: datetime) -> Iterable[Finding]:
    """Flag rows that repeat others under another number; several equal orders a day may be right."""
    numbers = frozenset({table.key or "", "order_id"}) & history.present[table.name]
    found, excess = _unusual_months(history, table, as_of, numbers) if numbers else ([], 0.0)
    if excess >= REPEATED_REFUSED:
        text = LocalizedText(f"in every column but {min(numbers)}", f"仅 {min(numbers)} 不同")
        share = round(max(each[2] for each in found), 4)
        months = [each[0] for each in found]
        yield flag("renumbered_rows", table.name, _doubled_text(table.name, found, text), months=months, share=share)


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


def _doubled_text(name: str, found: Sequence[Month], how: LocalizedText) -> LocalizedText:
    month, rows, share, _ = found[-1]
    return LocalizedText(
        f"{name}: {share:.0%} of the {rows:,} rows of {month[:7]} repeat another row {how.en}"
        f"{f', and {len(found)} months are like this' if len(found) > 1 else ''}. Was a part loaded twice? "
        "Remove the copies.",
        f"{name}：{month[:7]} 的 {rows:,} 行中有 {share:.0%} 与另一行重复（{how.zh}）"
        f"{f'，共有 {len(found)} 个月如此' if len(found) > 1 else ''}。是否重复导入？请删除多余的行。",
    )


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
        text = LocalizedText(
            f"{table.name}: {repeated:,} rows ({share:.0%}) have a {table.key} that an earlier row has. Was the table "
            "loaded twice, or is it a history of changes? Give each row once, and changes in the table changes.",
            f"{table.name}：有 {repeated:,} 行（{share:.0%}）的 {table.key} 与前面的行重复。"
            "是否重复导入，或其实是变更历史？每行只应出现一次，变更请放入 changes 表。",
        )
        yield (refusal if share >= REPEATED_REFUSED else flag)("doubled_rows", table.name, text, share=round(share, 4))


def lookalike_ids(history: History, _: datetime, __: Baseline) -> Iterable[Finding]:
    """Flag customer ids that differ only in case, white space, or a decimal that a spreadsheet added."""
    tables = [table.name for table in tables_with_time(history) if table.has_customers]
    if not tables:
        return
    union = " UNION ".join(f"SELECT DISTINCT customer_id FROM {quoted(name)}" for name in tables)
    rows = history.connection.execute(
        f"SELECT list(customer_id ORDER BY customer_id) AS ids FROM ({union}) WHERE customer_id IS NOT NULL GROUP BY "
        r"regexp_replace(lower(regexp_replace(customer_id, '\s', '', 'g')), '\.0+$', '') HAVING count(*) > 1 "
        "ORDER BY ids"
    ).fetchall()
    if rows:
        example = " = ".join(repr(each) for each in rows[0][0][:EXAMPLES])
        yield flag(
            "lookalike_ids",
            "customers",
            LocalizedText(
                f"{len(rows):,} customer ids differ only in case, blanks or a trailing .0, such as {example}. Each is "
                "read as a customer of its own; write them alike.",
                f"有 {len(rows):,} 组客户编号仅大小写、空格或结尾 .0 不同，例如 {example}。"
                "它们会被当作不同客户，请统一写法。",
            ),
            groups=len(rows),
            examples=[row[0] for row in rows[:EXAMPLES]],
        )
    yield from _mangled_ids(history, union)


def _mangled_ids(history: History, union: str) -> Iterable[Finding]:
    rows = history.connection.execute(
        rf"SELECT customer_id, count(*) OVER () FROM ({union}) "
        r"WHERE regexp_full_match(customer_id, '\d(\.\d+)?[eE]\+\d+') ORDER BY 1 LIMIT 1"
    ).fetchall()
    if rows:
        example, count = rows[0]
        yield flag(
            "mangled_ids",
            "customers",
            LocalizedText(
                f"{count:,} customer ids were rounded by a spreadsheet, such as {example}: several customers may share "
                "one. Export the column as text.",
                f"有 {count:,} 个客户编号被电子表格改写为科学计数，例如 {example}，"
                "多个客户可能因此合并。请以文本导出该列。",
            ),
            count=int(count),
            example=example,
        )


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0

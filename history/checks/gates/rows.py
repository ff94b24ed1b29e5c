"""Gates of rows: lines that were loaded twice, ids that look alike, signs that contradict each other."""

from collections.abc import Iterable
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
CONTRADICTING_SHARE = 0.001


def doubled_rows(history: History, as_of: datetime, __: Baseline) -> Iterable[Finding]:
    """Refuse tables in which whole parts were loaded twice; flag more repeated lines than usual."""
    for table in tables_with_time(history):
        if table.is_reference or table.name == "customers":
            continue
        months = _repeats(history, table, as_of)
        usual = _median([repeated / rows for _, rows, repeated, _ in months if rows >= MIN_ROWS])
        # Where lines repeat in every month alike, only an even multiplicity tells a double load from habit.
        found = [
            (month, rows, repeated / rows, even)
            for month, rows, repeated, even in months
            if rows >= MIN_ROWS and _is_unusual(repeated / rows, even, usual)
        ]
        if found:
            month, rows, share, _ = found[-1]
            worst = max(share for _, _, share, _ in found)
            text = _doubled_text(table.name, str(month), share, len(found), rows)
            excess = worst - (usual if usual < EVEN_SHARE / 2 else 0.0)
            is_refused = excess >= REPEATED_REFUSED
            yield (refusal if is_refused else flag)(
                "doubled_rows" if is_refused else "repeated_rows",
                table.name,
                text,
                months=[str(each[0]) for each in found],
                share=round(worst, 4),
            )
        yield from _repeated_keys(history, table)


def _is_unusual(share: float, even: float, usual: float) -> bool:
    if even >= EVEN_SHARE:
        return True
    return share - usual >= REPEATED_FLAGGED and share >= 2 * usual


def _repeats(history: History, table: Table, as_of: datetime) -> list[tuple[object, int, int, float]]:
    """Return (month, rows, repeated rows, share of distinct rows that come an even number of times)."""
    present = history.present[table.name]
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
    return [(month, int(count), int(repeated), float(even)) for month, count, repeated, even in rows]


def _doubled_text(name: str, month: str, share: float, months: int, rows: int) -> LocalizedText:
    return LocalizedText(
        f"{name}: {share:.0%} of the {rows:,} rows of {month[:7]} repeat another row in every column"
        f"{f', and {months} months are like this' if months > 1 else ''}. Was a part loaded twice? Remove the copies.",
        f"{name}：{month[:7]} 的 {rows:,} 行中有 {share:.0%} 与另一行完全相同"
        f"{f'，共有 {months} 个月如此' if months > 1 else ''}。是否重复导入？请删除多余的行。",
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


def contradicting_signs(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Flag order lines with a negative quantity and a positive amount: returns that are read as sales."""
    if not {"quantity", "amount"} <= history.present.get("orders", frozenset()):
        return
    rows, total, example = history.connection.execute(
        "SELECT count(*) FILTER (quantity < 0 AND amount > 0), count(*), min(order_id) FILTER (quantity < 0 AND "
        f"amount > 0) FROM orders WHERE ordered_at < {timestamp_literal(as_of)}"
    ).fetchall()[0]
    if rows > CONTRADICTING_SHARE * total:
        yield flag(
            "contradicting_signs",
            "orders",
            LocalizedText(
                f"orders: {rows:,} lines have a negative quantity and a positive amount, such as order {example}; they "
                "are read as sales. Give returns a negative amount.",
                f"orders：有 {rows:,} 行数量为负而金额为正，例如订单 {example}，会被当作销售。退货请给负金额。",
            ),
            rows=int(rows),
            example=example,
        )


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0

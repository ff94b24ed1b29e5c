"""Checks of values: rows of one kind that were all rejected or left out, and ids that a spreadsheet damaged."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rapport.history.checks.finding import Finding, one_row
from rapport.history.contract import by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

# Fewer rejected rows are no pattern.
_FEWEST = 5
_MOST = 0.8


def rejected_kinds(history: History, _: datetime) -> Iterable[Finding]:
    """Find rejections that strike one kind of row: negative amounts, or one stretch of a file."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in history.rejected.rows.to_pylist():
        groups.setdefault((row["table"], row["column"], row["reason"]), []).append(row)
    for (table, column, reason), rows in groups.items():
        if len(rows) < _FEWEST:
            continue
        negative = sum(_is_negative_text(row["value"]) for row in rows) / len(rows)
        if column and negative >= _MOST and _negative_share(history, table, column) < negative / 4:
            yield _finding(
                table, f"{len(rows)} negative values of {column} (returns?)", f"{len(rows)} 个负的 {column}", reason
            )
        elif (stretch := _stretch(history, table, rows)) is not None:
            yield _finding(table, f"nearly all rows in {stretch}", f"{stretch} 的几乎所有行", reason)


def _is_negative_text(value: str | None) -> bool:
    text = (value or "").strip()
    return text[:1] in ("-", "(", "−", "–", "－", "（") or text[-1:] in ("-", ")", "−")


def _negative_share(history: History, table: str, column: str) -> float:
    if column not in by_name(table).names or by_name(table).column(column).kind != "number":
        return 1.0
    share = one_row(history, f"SELECT avg(CAST({quoted(column)} < 0 AS INTEGER)) FROM {quoted(table)}")[0]
    return float(share or 0.0)


def _stretch(history: History, table: str, rows: list[dict[str, Any]]) -> str | None:
    """Return the lines of a file if the rejected rows fill them, and the rest of the file has few."""
    files = {row["file"] for row in rows}
    lines = [row["line"] for row in rows]
    length = max(lines) - min(lines) + 1
    whole = history.rows.get(table, 0) + len(rows)
    if len(files) > 1 or len(rows) < _MOST * length or length > whole / 2:
        return None
    return f"{next(iter(files)) or table}, {min(lines)}–{max(lines)}"


def _finding(table: str, en: str, zh: str, reason: str) -> Finding:
    return Finding(
        "rejected_kind",
        "warn",
        table,
        LocalizedText(
            f"{table}: {en} were rejected, so one kind of row is missing from every figure. Reason: {reason}",
            f"{table}：{zh}被拒绝，因此所有数字都缺少这一类数据。原因：{reason}",
        ),
        {"reason": reason},
    )


def tables_left_out(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables of which no row counts: the condition of the mapping or a join that meets nothing leaves all out."""
    for name, table in history.loaded.items():
        if table.left_out and not table.rows:
            yield Finding(
                "all_left_out",
                "warn",
                name,
                LocalizedText(
                    f"{name}: all {table.left_out:,} rows are left out, by where or join in [mapping.{name}] or as "
                    "deleted. Do the ids of both tables come from one system, and is the table of the join whole?",
                    f"{name}：全部 {table.left_out:,} 行被 [mapping.{name}] 中的 where、join 或删除标记略去。"
                    "两张表的编号是否来自同一系统？关联表是否完整？",
                ),
                {"rows": table.left_out},
            )


def damaged_ids(history: History, _: datetime) -> Iterable[Finding]:
    """Find ids that a spreadsheet turned into rounded numbers."""
    everyone = " UNION ".join(f"SELECT customer_id FROM {quoted(name)}" for name in history.rows if _has_ids(name))
    if not everyone:
        return
    mangled = history.connection.execute(
        f"SELECT customer_id FROM ({everyone}) WHERE regexp_full_match(customer_id, '[0-9][.,][0-9]+[eE]\\+[0-9]+')"
    ).fetchall()
    if mangled:
        yield Finding(
            "mangled_ids",
            "stop",
            "customers",
            LocalizedText(
                f"{len(mangled)} customer ids are rounded numbers such as {mangled[0][0]}: a spreadsheet lost their "
                "last digits, so different customers may share one. Export the ids as text.",
                f"{len(mangled)} 个客户编号是 {mangled[0][0]} 这样的近似数：电子表格丢失了末位数字，"
                "不同客户可能被合并。请以文本格式导出编号。",
            ),
            {"count": len(mangled)},
        )


def _has_ids(name: str) -> bool:
    return "customer_id" in by_name(name).names

"""Rows that were set aside, each with where it stood and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

FILE, LINE = "rapport file", "rapport line"

SCHEMA = pa.schema(
    [
        ("table", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("value", pa.string()),
    ]
)


_CHINESE = {
    "has no ": "缺少 ",
    " is not a time: write it like ": " 不是时间：请写成 ",
    " or 2026": " 或 2026",
    " can be read as two days: set dates = ": " 可读成两个日期：请设置 dates = ",
    " in rapport.toml": "（写在 rapport.toml 中）",
    " lies before 1901: leave it empty where it is not known": " 早于 1901 年：不知道时请留空",
    " lies beyond the year 2200: leave it empty where it is not known": " 晚于 2200 年：不知道时请留空",
    " lies more than 10 years after all others: is the year right?": " 比其他时间晚 10 年以上：年份是否正确？",
    " is not a number: write it like ": " 不是数字：请写成 ",
    " is not a possible number: it is infinite, not a number, or beyond 10^15": " 不是可能的数值",
    " is neither yes nor no: write true or false": " 既非是也非否：请写 true 或 false",
    " is there already: the first row is kept": " 重复：保留最先一行",
    " is below ": " 低于 ",
    " is above ": " 高于 ",
}


@dataclass(frozen=True)
class Reject:
    """One row that was set aside."""

    file: str | None
    line: int
    column: str
    reason: str
    value: str | None


def reason_in(language: str, reason: str) -> str:
    """Return the reason in the language; reasons are made in English."""
    if language != "zh":
        return reason
    for english, chinese in _CHINESE.items():
        reason = reason.replace(english, chinese)
    return reason if reason.endswith("？") else reason.removesuffix(".") + "。"


@dataclass(frozen=True)
class Rejected:
    """All rows that were set aside: how many of each table, and the rows themselves."""

    count: Mapping[str, int]
    rows: pa.Table

    @property
    def total(self) -> int:
        """Return how many rows were set aside in all."""
        return sum(self.count.values())

    def summary(self) -> list[tuple[str, str, int, int, str]]:
        """Return table, reason, count, first line and its value, the most frequent first."""
        if not self.rows.num_rows:
            # Grouping loads parts of Arrow that take as long as all else that is said of a small history.
            return []
        grouped = self.rows.group_by(["table", "reason"], use_threads=False).aggregate(
            [("line", "count"), ("line", "first"), ("value", "first")]
        )
        lines = [
            (row["table"], row["reason"], row["line_count"], row["line_first"], row["value_first"] or "")
            for row in grouped.to_pylist()
        ]
        return sorted(lines, key=lambda each: (-each[2], each[0], each[1]))


def rejected_of(found: Mapping[str, pa.Table]) -> Rejected:
    """Gather what each table set aside."""
    tables = {name: rows for name, rows in found.items() if rows.num_rows}
    rows = pa.concat_tables(tables.values()) if tables else NOTHING
    return Rejected({name: rows.num_rows for name, rows in tables.items()}, rows)


def table_of(table: str, rejects: Sequence[Reject]) -> pa.Table:
    """Return single rejects of a table as rows."""
    # Turning records into Arrow loads pandas where it is installed, which costs a second; none are the usual case.
    return pa.Table.from_pylist([{"table": table, **vars(each)} for each in rejects], SCHEMA) if rejects else NOTHING


NOTHING = pa.Table.from_batches([], SCHEMA)

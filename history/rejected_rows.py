"""Rejected rows: where each one was, and why it cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rapport.languages import grammar
from rapport.localized import LocalizedText, localize

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


# Reasons are written in English; each of these parts is replaced for another language.
_PARTS = (
    LocalizedText("has no ", "缺少 "),
    LocalizedText(" is not a time: write it like ", " 不是时间：请写成 "),
    LocalizedText(" or 2026", " 或 2026"),
    LocalizedText(" can be read as two days: set date_format = ", " 可读成两个日期：请设置 date_format = "),
    LocalizedText(" can be read as two numbers: set decimal = ", " 可读成两个数：请设置 decimal = "),
    LocalizedText(" is the word of a row of totals: leave such rows out of the file", " 是合计行：请从文件中去掉"),
    LocalizedText(" in rapport.toml", "（写在 rapport.toml 中）"),
    LocalizedText(" lies before 1901: leave it empty where it is not known", " 早于 1901 年：不知道时请留空"),
    LocalizedText(" lies beyond the year 2200: leave it empty where it is not known", " 晚于 2200 年：不知道时请留空"),
    LocalizedText(
        " lies more than 10 years after all others: is the year right?", " 比其他时间晚 10 年以上：年份是否正确？"
    ),
    LocalizedText(" is not a number: write it like ", " 不是数字：请写成 "),
    LocalizedText(" is not a possible number: it is infinite, not a number, or beyond 10^15", " 不是可能的数值"),
    LocalizedText(" is neither yes nor no: write true or false", " 既非是也非否：请写 true 或 false"),
    LocalizedText(" is there already: the first row is kept", " 重复：保留最先一行"),
    LocalizedText(" is below ", " 低于 "),
    LocalizedText(" is above ", " 高于 "),
)


@dataclass(frozen=True)
class RejectedRow:
    """One row that cannot be used."""

    file: str | None
    line: int
    column: str
    reason: str
    value: str | None


def translate_reason(language: str, reason: str) -> str:
    """Return the reason in the language."""
    for part in _PARTS if language != "en" else ():
        reason = reason.replace(part.en, localize(part, language))
    if not grammar(language).is_chinese or reason.endswith("？"):
        return reason
    return reason.removesuffix(".") + grammar(language).full_stop


def localized_reason(reason: str) -> LocalizedText:
    """Return the reason in every language."""
    return LocalizedText.of(lambda language: translate_reason(language, reason))


@dataclass(frozen=True)
class Rejections:
    """All rejected rows of a history, and their number per table."""

    count: Mapping[str, int]
    rows: pa.Table

    @property
    def total(self) -> int:
        """Return the number of rejected rows in all tables."""
        return sum(self.count.values())

    def summary(self) -> list[tuple[str, str, int, int, str]]:
        """Return (table, reason, count, first line, its value), the most frequent reason first."""
        if not self.rows.num_rows:
            # Grouping loads modules of Arrow, which takes as long as all other work on a small history.
            return []
        grouped = self.rows.group_by(["table", "reason"], use_threads=False).aggregate(
            [("line", "count"), ("line", "first"), ("value", "first")]
        )
        lines = [
            (row["table"], row["reason"], row["line_count"], row["line_first"], row["value_first"] or "")
            for row in grouped.to_pylist()
        ]
        return sorted(lines, key=lambda each: (-each[2], each[0], each[1]))


def collect_rejections(found: Mapping[str, pa.Table]) -> Rejections:
    """Collect the rejected rows of each table."""
    tables = {name: rows for name, rows in found.items() if rows.num_rows}
    rows = pa.concat_tables(tables.values()) if tables else NO_ROWS
    return Rejections({name: rows.num_rows for name, rows in tables.items()}, rows)


def rejected_table(table: str, rejects: Sequence[RejectedRow]) -> pa.Table:
    """Return rejected rows of one table as an Arrow table."""
    # Converting records to Arrow imports pandas if it is installed, which takes a second; usually there are none.
    return pa.Table.from_pylist([{"table": table, **vars(each)} for each in rejects], SCHEMA) if rejects else NO_ROWS


NO_ROWS = pa.Table.from_batches([], SCHEMA)

"""Checks of histories of change: changes that no reader uses."""

from collections.abc import Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding
from rapport.history.reading.history import History
from rapport.localized import LocalizedText

_SHOWN = 5


def unused_changes(history: History, _: datetime) -> Iterable[Finding]:
    """Find changes of tables and columns that have no history: a name that the contract does not know, say."""
    if not history.rows.get("changes"):
        return
    listed = history.connection.execute(
        'SELECT lower("table"), lower("column"), count(*) FROM changes GROUP BY ALL ORDER BY 3 DESC, 1, 2'
    ).fetchall()
    used = {(table, column.lower()) for table, columns in history.tracked.items() for column in columns}
    unused = [(f"{table}.{column}", count) for table, column, count in listed if (table, column) not in used]
    if unused:
        names, rows = [name for name, _ in unused], sum(count for _, count in unused)
        shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        yield Finding(
            "unused_changes",
            "warn",
            "changes",
            LocalizedText(
                f"changes: {rows} rows are not used, since these are no columns with a history: {shown}. Write the "
                "names of the contract; keys and times of rows have no history.",
                f"changes：{rows} 行未使用，以下不是可追溯历史的列：{shown}。"
                "请使用数据约定中的名称；主键与行时间没有历史。",
            ),
            {"columns": names, "rows": rows},
        )

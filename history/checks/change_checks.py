"""Checks of histories of change: changes that no reader uses."""

from collections.abc import Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding
from rapport.history.reading.history import History

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
        yield Finding.of("warn", "unused_changes", "changes", {"columns": names, "rows": rows}, shown=shown)

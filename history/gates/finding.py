"""One odd thing about a history, in words and numbers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rapport.history.casting import literal
from rapport.history.contract import TABLES, Table, Words
from rapport.history.reading import History

EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One odd thing: ``level`` is ``stop`` (mend it first), ``warn`` or ``note``."""

    code: str
    level: str
    table: str
    says: Words
    facts: dict[str, Any] = field(default_factory=dict)


def tables_with_time(history: History) -> list[Table]:
    """Return the tables that have rows, and times for them."""
    return [t for t in TABLES if history.rows.get(t.name) and t.time in history.present[t.name]]


def one_row(history: History, sql: str) -> tuple[Any, ...]:
    """Return the single row of a query."""
    # Fetching one row of a result and leaving the rest keeps the connection busy.
    return tuple(history.connection.execute(sql).fetchall()[0])


def moment_sql(moment: datetime) -> str:
    """Return a moment as SQL writes it."""
    return f"TIMESTAMP {literal(moment.isoformat(' '))}"

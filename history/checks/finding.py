"""A finding of a data quality check."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rapport.history.contract import TABLES, Table
from rapport.history.reading.history import History
from rapport.history.sql import literal
from rapport.localized import LocalizedText, MessageCatalogue

EXAMPLES = 3
MESSAGES = MessageCatalogue("rapport.history.checks")
message = MESSAGES.message


@dataclass(frozen=True)
class Finding:
    """A data problem; ``level`` is ``stop`` (fix before training), ``warn`` or ``note``."""

    code: str
    level: str
    table: str
    message: LocalizedText
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, level: str, code: str, table: str, facts: dict[str, Any], **values: object) -> "Finding":
        """Return a finding with the message of its code, filled with the facts and with further values."""
        return cls(code, level, table, message(code, **{"table": table} | facts | values), facts)


def tables_with_time(history: History) -> list[Table]:
    """Return the tables that have rows with times."""
    return [t for t in TABLES if history.rows.get(t.name) and t.time in history.present[t.name]]


def one_row(history: History, sql: str) -> tuple[Any, ...]:
    """Return the single row of a query."""
    # fetchone() would keep the result open and the connection busy.
    return tuple(history.connection.execute(sql).fetchall()[0])


def timestamp_literal(moment: datetime) -> str:
    """Return a time as an SQL literal."""
    return f"TIMESTAMP {literal(moment.isoformat(' '))}"

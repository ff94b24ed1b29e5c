"""The report on a history: what was read, what was refused, what can be trained, and what more it takes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any

from rapport.history.contract import TABLES, Table, Words, columns_of
from rapport.history.gates import Finding, findings
from rapport.history.gates.times import monthly_rows
from rapport.history.reading import History
from rapport.history.report import html_report, text_report
from rapport.history.trainable import Readiness, readiness

from rapport.errors import TableError


@dataclass(frozen=True)
class TableLine:
    """What was read of one table; ``share`` is the part of all buyers that it has rows of."""

    name: str
    title: Words
    rows: int
    first: datetime | None
    last: datetime | None
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    share: float | None
    months: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Refusal:
    """Why rows of a table were set aside, how many, and where the first of them stood."""

    table: str
    reason: str
    rows: int
    line: int
    value: str


@dataclass(frozen=True)
class CheckReport:
    """All that is known about a history before anything is learned from it."""

    origin: str
    as_of: datetime
    language: str
    currency: str
    tables: tuple[TableLine, ...]
    refusals: tuple[Refusal, ...]
    trainable: tuple[Readiness, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> int:
        """Return how many rows were set aside in all."""
        return sum(refusal.rows for refusal in self.refusals)

    def as_text(self, language: str | None = None) -> str:
        """Return the report as plain text."""
        return text_report(self, language or self.language)

    def as_html(self, language: str | None = None) -> str:
        """Return the report as one page that needs no network."""
        return html_report(self, language or self.language)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {"refused": self.refused, **_plain(asdict(self))}


def check_history(history: History, as_of: datetime | None = None) -> CheckReport:
    """Look the whole history over; without ``as_of``, as of the day after its last order."""
    moment = as_of or _day_after_last_order(history)
    months = {table.name: rows for table, rows in monthly_rows(history, moment)}
    return CheckReport(
        history.origin,
        moment,
        history.settings.language,
        history.settings.currency,
        tuple(_table_line(history, table, months.get(table.name, [])) for table in TABLES),
        tuple(Refusal(*line) for line in history.rejected.summary()),
        tuple(readiness(history, moment)),
        tuple(findings(history, moment)),
    )


def _day_after_last_order(history: History) -> datetime:
    orders = history.laid.get("orders")
    last = orders.span[1] if orders is not None else history.span()[1]
    if last is None:
        raise TableError(f"{history.origin}: has no order with a time, so there is nothing to check. Give order rows.")
    return datetime.combine(last.date() + timedelta(days=1), time())


def _table_line(history: History, table: Table, months: Iterable[tuple[datetime, int]]) -> TableLine:
    laid = history.laid.get(table.name)
    names = tuple(column.name for column in columns_of(table))
    if laid is None:
        return TableLine(table.name, table.title, 0, None, None, (), names, None, ())
    return TableLine(
        table.name,
        table.title,
        laid.rows,
        *laid.span,
        tuple(name for name in names if name in laid.present),
        tuple(name for name in names if name not in laid.present),
        _share(history, table),
        tuple((f"{month:%Y-%m}", count) for month, count in months),
    )


def _share(history: History, table: Table) -> float | None:
    """Return the part of all buyers that the table has rows of."""
    ((share,),) = history.connection.execute(
        "WITH buyers AS (SELECT DISTINCT customer_id FROM orders) SELECT count(*) FILTER (customer_id IN "
        f"(SELECT customer_id FROM {table.name})) / nullif(count(*), 0) FROM buyers"
    ).fetchall()
    return None if share is None else float(share)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value

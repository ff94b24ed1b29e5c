"""The check report of a history: what was read and rejected, what can be trained, and which data problems there are."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rapport.errors import TableError
from rapport.history.checks.contents import RejectionSummary, ReportContents, TableSummary
from rapport.history.checks.gates.regular_days import midnight_after, newest_regular_day
from rapport.history.checks.readiness import readiness
from rapport.history.checks.registry import run_checks
from rapport.history.checks.rendering import html_report, text_report
from rapport.history.checks.time_checks import monthly_rows
from rapport.history.contract import TABLES, Table, columns_of
from rapport.history.reading.history import History


class CheckReport(ReportContents):
    """The report, as text, HTML or plain values."""

    @property
    def rejected(self) -> int:
        """Return the number of rejected rows in all tables."""
        return sum(each.rows for each in self.rejections)

    def as_text(self, language: str | None = None) -> str:
        """Return the report as plain text."""
        return text_report(self, language or self.language)

    def as_html(self, language: str | None = None) -> str:
        """Return the report as one page that needs no network."""
        return html_report(self, language or self.language)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {"rejected": self.rejected, **_plain(asdict(self))}


def check_history(history: History, as_of: datetime | None = None) -> CheckReport:
    """Check the whole history; ``as_of`` is the day after its last regular order unless it is given."""
    moment = as_of or _default_moment(history)
    months = {table.name: rows for table, rows in monthly_rows(history, moment)}
    return CheckReport(
        history.origin,
        moment,
        history.settings.language,
        history.currency,
        tuple(_table_summary(history, table, months.get(table.name, [])) for table in TABLES),
        tuple(RejectionSummary(*line) for line in history.rejected.summary()),
        tuple(readiness(history, moment)),
        tuple(run_checks(history, moment)),
    )


def _default_moment(history: History) -> datetime:
    # Without orders the newest event of any kind dates the history.
    newest = newest_regular_day(history, ("orders",)) if history.rows.get("orders") else newest_regular_day(history)
    if newest is None:
        raise TableError(f"{history.origin}: has no order with a time, so there is nothing to check. Give order rows.")
    return midnight_after(newest)


def _table_summary(history: History, table: Table, months: Iterable[tuple[datetime, int]]) -> TableSummary:
    loaded = history.loaded.get(table.name)
    names = tuple(column.name for column in columns_of(table))
    if loaded is None:
        return TableSummary(table.name, table.title, 0, None, None, (), names, None, ())
    return TableSummary(
        table.name,
        table.title,
        loaded.rows,
        *loaded.time_range,
        tuple(name for name in names if name in loaded.present),
        tuple(name for name in names if name not in loaded.present),
        _share_of_buyers(history, table),
        tuple((f"{month:%Y-%m}", count) for month, count in months),
        loaded.left_out,
        tuple(sorted(loaded.tracked)),
    )


def _share_of_buyers(history: History, table: Table) -> float | None:
    if not table.has_customers:
        return None
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

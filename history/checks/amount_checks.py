"""Checks of currencies, and of what contracts pay."""

from collections.abc import Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding, one_row
from rapport.history.contract.limits import LATEST
from rapport.history.reading.history import History
from rapport.history.sql import literal


def mixed_currency(history: History, _: datetime) -> Iterable[Finding]:
    """Find tables whose amounts are in several currencies."""
    for name, table in history.loaded.items():
        if len(table.currencies) > 1:
            currencies = sorted(table.currencies)
            yield Finding.of("stop", "mixed_currency", name, {"currencies": currencies}, listed=", ".join(currencies))


def unpriced_contracts(history: History, as_of: datetime) -> Iterable[Finding]:
    """Find contracts in force of which it is unknown what they pay a year, where they decide churn and money."""
    if history.settings.churn == "orders" or not history.rows.get("contracts") or history.rows.get("orders"):
        return
    at, endless = f"TIMESTAMP '{as_of.isoformat()}'", literal(LATEST)
    missing, negative, unknown, running = one_row(
        history,
        "SELECT count(*) FILTER (amount IS NULL), count(*) FILTER (amount < 0), "
        f"count(*) FILTER (amount >= 0 AND ends_at >= {endless} AND coalesce(amount_period, 'term') = 'term'), "
        f"count(*) FROM contracts WHERE started_at < {at} AND ends_at >= {at} "
        f"AND coalesce(cancelled_at, {endless}) >= {at}",
    )
    if missing + negative + unknown:
        facts = {"running": running, "missing": missing, "negative": negative, "endless": unknown}
        yield Finding.of("warn", "unpriced_contracts", "contracts", facts)

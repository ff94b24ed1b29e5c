"""Gates of signs: amounts that are 0 or negative, and signs of quantity and amount that contradict each other."""

from collections.abc import Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline
from rapport.history.reading.history import History

CONTRADICTING_SHARE = 0.001
# The share of rows without a sale in the last days may exceed that of the year before by so much.
UNSOLD_MORE = 0.3
_WINDOWS, _MIN_ROWS = (7, 28, 91, 182), 20


def zero_amounts(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Refuse orders whose amounts are all 0: nobody would be a customer."""
    if not history.rows.get("orders"):
        return
    end = timestamp_literal(as_of)
    positive, rows = history.connection.execute(
        f"SELECT count(*) FILTER (amount > 0), count(*) FROM orders WHERE ordered_at < {end}"
    ).fetchall()[0]
    if rows and not positive:
        yield Finding.of("stop", "zero_amounts", "orders", {"rows": int(rows)})
    elif rows:
        yield from _unsold(history, as_of)


def _unsold(history: History, as_of: datetime) -> Iterable[Finding]:
    """Flag a time from which on many more rows are 0 or below it than before."""
    end = timestamp_literal(as_of)
    shares = []
    for days in _WINDOWS:
        is_new = f"ordered_at >= {end} - INTERVAL {days} DAY"
        new, rows, old, before = history.connection.execute(
            f"SELECT avg((amount <= 0)::INTEGER) FILTER ({is_new}), count(*) FILTER ({is_new}), "
            f"avg((amount <= 0)::INTEGER) FILTER (NOT {is_new}), count(*) FILTER (NOT {is_new}) FROM orders "
            f"WHERE ordered_at < {end} AND ordered_at >= {end} - INTERVAL {days + 365} DAY"
        ).fetchall()[0]
        if min(rows, before) >= _MIN_ROWS:
            shares.append((new - old, days, new, old))
    if shares and max(shares)[0] > UNSOLD_MORE:
        _, days, new, old = max(shares)
        yield Finding.of("warn", "unsold_rows", "orders", {"days": days, "share": round(new, 4)}, new=new, old=old)


def contradicting_signs(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Flag order lines with a negative quantity and a positive amount: returns that are read as sales."""
    if not {"quantity", "amount"} <= history.present.get("orders", frozenset()):
        return
    rows, total, example = history.connection.execute(
        "SELECT count(*) FILTER (quantity < 0 AND amount > 0), count(*), min(order_id) FILTER (quantity < 0 AND "
        f"amount > 0) FROM orders WHERE ordered_at < {timestamp_literal(as_of)}"
    ).fetchall()[0]
    if rows > CONTRADICTING_SHARE * total:
        yield Finding.of("warn", "contradicting_signs", "orders", {"rows": int(rows), "example": example})

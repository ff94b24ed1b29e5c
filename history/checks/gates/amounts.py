"""Gates of amounts: a unit that jumped, one giant order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import exp, log

from rapport.history.checks.finding import Finding, message, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline
from rapport.history.contract import by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted

_MONEY = ("orders", "invoices", "opportunities", "contracts")
# A unit changes by 10 and more (yuan to fen, thousands); prices and promotions by far less.
REFUSED_FACTOR, FLAGGED_FACTOR = 8.0, 2.5
SCATTERED_FACTOR, SCATTERED_SHARE, REFUSED_SHARE = 30.0, 0.03, 0.25
MIN_ROWS, MIN_CUSTOMERS, MIN_SCATTERED = 20, 8, 5
# Medians hold their values in memory, and each window has its own.
MOST_ROWS = 2_000_000
# Windows before the cutoff whose amounts are compared with the year before each: days.
_WINDOWS = (7, 28, 91, 182, 365)
GIANT_SHARE, GIANT_FACTOR = 0.05, 10.0


@dataclass(frozen=True)
class _Jump:
    """How the amounts of the last days relate to those before."""

    days: int
    rows: int
    factor: float
    own_factor: float
    customers: int
    scattered: float

    @property
    def certain_factor(self) -> float:
        """Return the smaller of the two changes: that of all rows, and that of the same customers."""
        if self.customers < MIN_CUSTOMERS:
            return self.factor
        return min((self.factor, self.own_factor), key=lambda each: abs(log(each)))


def rescaled_amounts(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Refuse tables whose amounts are in another unit from some day on."""
    for name in _MONEY:
        if not history.rows.get(name) or "amount" not in history.present[name]:
            continue
        jumps = [jump for days in _WINDOWS if (jump := _jump(history, name, as_of, days)) is not None]
        if not jumps:
            continue
        worst = max(jumps, key=lambda jump: abs(log(jump.certain_factor)))
        size = exp(abs(log(worst.certain_factor)))
        scattered = max(jumps, key=lambda jump: jump.scattered)
        if size >= REFUSED_FACTOR:
            yield _rescaled("stop", "rescaled_amounts", name, worst)
        elif scattered.scattered >= REFUSED_SHARE:
            yield _scattered("stop", "rescaled_amounts", name, scattered)
        elif scattered.scattered >= SCATTERED_SHARE:
            yield _scattered("warn", "scattered_amounts", name, scattered)
        elif size >= FLAGGED_FACTOR:
            yield _rescaled("warn", "amounts_jumped", name, worst)


def _jump(history: History, name: str, as_of: datetime, days: int) -> _Jump | None:
    """Compare the sizes of amounts in the last days with the year before them, over all rows and by customer.

    Of a large table one customer in ``every`` is read, with all its rows: medians of millions tell no more.
    """
    moment, end = quoted(by_name(name).time), timestamp_literal(as_of)
    every = -(-history.rows[name] // MOST_ROWS)
    (values,) = history.connection.execute(
        f"""
        WITH sized AS (
            SELECT customer_id, ln(abs(amount)) AS size, {moment} >= {end} - INTERVAL {days} DAY AS is_new
            FROM {name} WHERE amount <> 0 AND hash(customer_id) % {every} = 0 AND {moment} < {end}
            AND {moment} >= {end} - INTERVAL {days} DAY - INTERVAL 365 DAY),
        own AS (
            SELECT customer_id, median(size) FILTER (is_new) AS new_size, median(size) FILTER (NOT is_new) AS old_size,
                count(*) FILTER (NOT is_new) AS old_rows FROM sized GROUP BY customer_id),
        far AS (
            SELECT is_new, count(*) FILTER (abs(size - old_size) > {log(SCATTERED_FACTOR)}) AS rows,
                CASE WHEN rows >= {MIN_SCATTERED} THEN rows / count(*) ELSE 0 END AS share
            FROM sized JOIN own USING (customer_id) WHERE old_rows >= 3 GROUP BY is_new)
        SELECT count(*) FILTER (is_new), count(*) FILTER (NOT is_new),
            median(size) FILTER (is_new) - median(size) FILTER (NOT is_new),
            (SELECT median(new_size - old_size) FROM own), (SELECT count(new_size - old_size) FROM own),
            coalesce((SELECT share FROM far WHERE is_new), 0) - coalesce((SELECT share FROM far WHERE NOT is_new), 0)
        FROM sized
        """
    ).fetchall()
    rows, before, change, own, customers, scattered = values
    if rows < MIN_ROWS or before < MIN_ROWS:
        return None
    return _Jump(days, int(rows), exp(change), exp(own or 0.0), int(customers), float(scattered))


def _rescaled(level: str, code: str, name: str, jump: _Jump) -> Finding:
    text = message("rescaled_amounts", table=name, days=jump.days, times=jump.certain_factor)
    return Finding(code, level, name, text, {"factor": round(jump.certain_factor, 4)})


def _scattered(level: str, code: str, name: str, jump: _Jump) -> Finding:
    text = message("scattered_amounts", table=name, share=jump.scattered, days=jump.days, far=SCATTERED_FACTOR)
    return Finding(code, level, name, text, {"share": round(jump.scattered, 4)})


def giant_orders(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Flag a single order that is a large part of a year's sales, and one that was voided by its opposite."""
    if history.rows.get("orders", 0) < MIN_ROWS:
        return
    end = timestamp_literal(as_of)
    rows = history.connection.execute(
        f"""
        WITH year AS (FROM orders WHERE ordered_at < {end} AND ordered_at >= {end} - INTERVAL 365 DAY),
        largest AS (
            SELECT customer_id, order_id, amount, ordered_at, sum(greatest(amount, 0)) OVER () AS total,
                lead(amount) OVER (ORDER BY amount DESC) AS following,
                quantile_cont(amount, 0.999) OVER () AS usual FROM year)
        SELECT customer_id, order_id, amount, total, following, EXISTS (
            FROM year AS back WHERE back.customer_id = big.customer_id AND back.amount = -big.amount) AS voided
        FROM largest AS big WHERE amount > 0 AND amount > {GIANT_SHARE / 5} * total
            AND (amount > {GIANT_SHARE} * total AND amount > {GIANT_FACTOR} * coalesce(following, 0)
                OR EXISTS (FROM year AS back WHERE back.customer_id = big.customer_id AND back.amount = -big.amount)
                OR amount > {GIANT_SHARE} * total AND amount > {GIANT_FACTOR} * usual)
        ORDER BY amount DESC LIMIT 3
        """
    ).fetchall()
    for customer, order, amount, total, _following, voided in rows:
        facts = {"customer_id": customer, "order_id": order, "amount": amount}
        back = message("giant_order.voided") if voided else ""
        text = message("giant_order", **facts, share=amount / total, back=back)
        yield Finding("voided_order" if voided else "giant_order", "warn", "orders", text, facts)

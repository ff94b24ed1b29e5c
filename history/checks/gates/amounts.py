"""Gates of amounts: a unit that jumped, one giant order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import exp, log

from rapport.history.checks.finding import Finding, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline, flag, refusal
from rapport.history.contract import by_name
from rapport.history.reading.history import History
from rapport.history.sql import quoted
from rapport.localized import LocalizedText

_MONEY = ("orders", "invoices", "opportunities", "contracts")
# A unit changes by 10 and more (yuan to fen, thousands); prices and promotions by far less.
REFUSED_FACTOR, FLAGGED_FACTOR = 8.0, 2.5
SCATTERED_FACTOR, SCATTERED_SHARE = 30.0, 0.03
MIN_ROWS, MIN_CUSTOMERS, MIN_SCATTERED = 20, 8, 5
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
            yield refusal("rescaled_amounts", name, _rescaled_text(name, worst), factor=round(worst.certain_factor, 4))
        elif scattered.scattered >= 0.25:
            text = _scattered_text(name, scattered)
            yield refusal("rescaled_amounts", name, text, share=round(scattered.scattered, 4))
        elif scattered.scattered >= SCATTERED_SHARE:
            text = _scattered_text(name, scattered)
            yield flag("scattered_amounts", name, text, share=round(scattered.scattered, 4))
        elif size >= FLAGGED_FACTOR:
            yield flag("amounts_jumped", name, _rescaled_text(name, worst), factor=round(worst.certain_factor, 4))


def _jump(history: History, name: str, as_of: datetime, days: int) -> _Jump | None:
    """Compare the sizes of amounts in the last days with the year before them, over all rows and by customer."""
    moment, end = quoted(by_name(name).time), timestamp_literal(as_of)
    (values,) = history.connection.execute(
        f"""
        WITH sized AS (
            SELECT customer_id, ln(abs(amount)) AS size, {moment} >= {end} - INTERVAL {days} DAY AS is_new
            FROM {name} WHERE amount <> 0 AND {moment} < {end}
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


def _rescaled_text(name: str, jump: _Jump) -> LocalizedText:
    times = f"{jump.certain_factor:.3g}"
    return LocalizedText(
        f"{name}: the amounts of the last {jump.days} days are {times} times those of the year before, also for the "
        "same customers. Did the unit change (cents, thousands, another currency)? Bring all amounts to one unit.",
        f"{name}：最近 {jump.days} 天的金额是此前一年的 {times} 倍，同一客户亦然。"
        "单位是否变了（分、千、万或其他币种）？请统一单位。",
    )


def _scattered_text(name: str, jump: _Jump) -> LocalizedText:
    return LocalizedText(
        f"{name}: {jump.scattered:.0%} of the rows of the last {jump.days} days have an amount more than "
        f"{SCATTERED_FACTOR:.0f} times away from what the same customer usually has. Is a part in another unit?",
        f"{name}：最近 {jump.days} 天有 {jump.scattered:.0%} 的行金额与该客户平时相差 {SCATTERED_FACTOR:.0f} 倍以上。"
        "是否有一部分单位不同？",
    )


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
        back = (" It was taken back in full.", "随后全额冲销。") if voided else ("", "")
        yield flag(
            "voided_order" if voided else "giant_order",
            "orders",
            LocalizedText(
                f"orders: order {order} of {customer} over {amount:,.0f} is {amount / total:.0%} of a year's sales."
                f"{back[0]} Is it real? It moves every sum of this customer.",
                f"orders：客户 {customer} 的订单 {order} 金额 {amount:,.0f}，占全年销售额 {amount / total:.0%}。"
                f"{back[1]}是否属实？它会左右该客户的所有合计。",
            ),
            customer_id=customer,
            order_id=order,
            amount=amount,
        )

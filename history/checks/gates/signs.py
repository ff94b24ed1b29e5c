"""Gates of signs: amounts that are 0 or negative, and signs of quantity and amount that contradict each other."""

from collections.abc import Iterable
from datetime import datetime

from rapport.history.checks.finding import Finding, timestamp_literal
from rapport.history.checks.gates.baseline import Baseline, flag, refusal
from rapport.history.reading.history import History
from rapport.localized import LocalizedText

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
        yield refusal(
            "zero_amounts",
            "orders",
            LocalizedText(
                f"orders: none of the {rows:,} amounts is above 0, so nobody is a customer. Is another column the "
                "amount, such as quantity × price? Map it in rapport.toml.",
                f"orders：{rows:,} 行金额均不大于 0，因此没有任何客户。"
                "金额是否在别的列（如数量 × 单价）？请在 rapport.toml 中映射。",
            ),
            rows=int(rows),
        )
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
        yield flag(
            "unsold_rows",
            "orders",
            LocalizedText(
                f"orders: {new:.0%} of the amounts of the last {days} days are 0 or negative; in the year before it "
                f"was {old:.0%}. Was the amount lost, or did its sign change?",
                f"orders：最近 {days} 天有 {new:.0%} 的金额为 0 或负数，此前一年为 {old:.0%}。"
                "金额是否丢失，或符号改变？",
            ),
            days=days,
            share=round(new, 4),
        )


def contradicting_signs(history: History, as_of: datetime, _: Baseline) -> Iterable[Finding]:
    """Flag order lines with a negative quantity and a positive amount: returns that are read as sales."""
    if not {"quantity", "amount"} <= history.present.get("orders", frozenset()):
        return
    rows, total, example = history.connection.execute(
        "SELECT count(*) FILTER (quantity < 0 AND amount > 0), count(*), min(order_id) FILTER (quantity < 0 AND "
        f"amount > 0) FROM orders WHERE ordered_at < {timestamp_literal(as_of)}"
    ).fetchall()[0]
    if rows > CONTRADICTING_SHARE * total:
        yield flag(
            "contradicting_signs",
            "orders",
            LocalizedText(
                f"orders: {rows:,} lines have a negative quantity and a positive amount, such as order {example}; they "
                "are read as sales. Give returns a negative amount.",
                f"orders：有 {rows:,} 行数量为负而金额为正，例如订单 {example}，会被当作销售。退货请给负金额。",
            ),
            rows=int(rows),
            example=example,
        )

"""Findings about values: rows of one kind that were all rejected, and damaged ids."""

from datetime import datetime

from rapport.history import Settings, history_of
from rapport.history.checks import check_history


def findings(orders, code):
    with history_of({"orders": orders}, Settings()) as history:
        return [each.message.en for each in check_history(history, datetime(2026, 6, 1)).findings if each.code == code]


def order(number, customer="a", amount="10", ordered_at="2026-01-31"):
    return {"customer_id": customer, "order_id": number, "ordered_at": ordered_at, "amount": amount}


def test_a_rejection_of_all_returns_is_a_finding_and_one_of_any_kind_is_not():
    good = [order(n) for n in range(80)]
    returns = [order(100 + n, amount=f"-{n}0 refund") for n in range(8)]
    assert findings(good + returns, "rejected_kind") == [
        "orders: 8 negative values of amount (returns?) were rejected, so one kind of row is missing from every "
        "figure. Reason: amount is not a number: write it like 1234.50."
    ]
    mixed = [order(200 + n, amount="ten") for n in range(8)]
    spread = [row for pair in zip(good[:8], mixed, strict=True) for row in pair] + good[8:]
    assert findings(spread, "rejected_kind") == []


def test_a_rejection_of_one_stretch_of_a_file_is_a_finding():
    rows = [order(n, ordered_at="soon" if 40 <= n < 50 else "2026-01-31") for n in range(100)]
    (found,) = findings(rows, "rejected_kind")
    assert "nearly all rows in orders, 41–50 were rejected" in found


def test_ids_that_a_spreadsheet_rounded_are_a_finding():
    rows = [order(1, "AB17850"), order(3, "x1"), order(4, "1.785E+16")]
    assert findings(rows, "mangled_ids")[0].startswith("1 customer ids are rounded numbers such as 1.785E+16")
    assert findings(rows[:2], "mangled_ids") == []

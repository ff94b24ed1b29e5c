"""Gates: which faults of a history refuse a run, which are flagged, and that a clean history passes all of them."""

from datetime import datetime, timedelta

import pytest

from rapport.history import history_of
from rapport.history.checks.gates import Baseline, amounts, newest_regular_day, run_gates
from rapport.history.checks.gates.feeds import stale_feeds

NOW = datetime(2025, 6, 1)
BEGIN = datetime(2023, 6, 1)


def order(place, day, **other):
    return {
        "customer_id": f"C{place % 40}",
        "order_id": f"{place}-{day:%Y%m%d}",
        "ordered_at": day,
        "amount": 50.0 + place % 7,
        "quantity": 2.0,
    } | other


def clean_orders():
    return [order(place, BEGIN + timedelta(days=place)) for place in range(730)]


def found(orders, as_of=NOW, baseline=None, **tables):
    with history_of({"orders": orders, **tables}) as history:
        return {each.code: each.level for each in run_gates(history, as_of, baseline)}


def changed(is_changed, **change):
    rows = clean_orders()
    return [row | {name: make(row) for name, make in change.items()} if is_changed(row) else row for row in rows]


def copy(row):
    return row | {"order_id": f"copy of {row['order_id']}"}


def recent(days):
    return lambda row: row["ordered_at"] >= NOW - timedelta(days=days)


TRAINED = Baseline(("orders", "tickets"), NOW - timedelta(days=30), {"orders": 700}, now=NOW)


def test_a_clean_history_passes():
    assert found(clean_orders(), baseline=Baseline(("orders",), NOW, {"orders": 730}, now=NOW)) == {}


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (changed(recent(40), amount=lambda row: row["amount"] * 100), {"rescaled_amounts": "stop"}),
        (changed(recent(400), amount=lambda row: row["amount"] / 100), {"rescaled_amounts": "stop"}),
        (changed(recent(90), amount=lambda row: row["amount"] * 1.3), {}),
        (clean_orders() + [row for row in clean_orders() if recent(45)(row)], {"doubled_rows": "stop"}),
        (clean_orders() + [copy(row) for row in clean_orders() if recent(45)(row)], {"renumbered_rows": "warn"}),
        (changed(recent(40), amount=lambda _: 0.0), {"unsold_rows": "warn"}),
        (changed(recent(40), amount=lambda row: -row["amount"]), {"unsold_rows": "warn"}),
        (changed(lambda _: True, amount=lambda _: 0.0), {"zero_amounts": "stop"}),
        (changed(recent(10), quantity=lambda _: -1.0), {"contradicting_signs": "warn"}),
        (changed(recent(30), customer_id=lambda row: row["customer_id"].lower() + " x"), {}),
        (changed(recent(30), customer_id=lambda row: row["customer_id"].lower()), {"lookalike_ids": "warn"}),
        ([*clean_orders(), order(1, NOW - timedelta(days=9), amount=30_000.0)], {"giant_order": "warn"}),
        ([*clean_orders(), order(1, datetime(2026, 8, 1))], {"lone_future_row": "warn"}),
        ([row for row in clean_orders() if not recent(35)(row)], {"stale_feed": "stop"}),
    ],
    ids=[
        "cents",
        "thousands",
        "price",
        "doubled",
        "renumbered",
        "free",
        "turned",
        "zero",
        "signs",
        "others",
        "case",
        "giant",
        "typo",
        "stale",
    ],
)
def test_a_fault_is_refused_or_flagged(orders, expected):
    assert found(orders) == expected


def test_of_a_large_table_a_part_of_the_customers_is_judged_with_all_their_rows(monkeypatch):
    cents = changed(recent(40), amount=lambda row: row["amount"] * 100)
    monkeypatch.setattr(amounts, "MOST_ROWS", 250)
    assert found(clean_orders()) == {}
    assert found(cents) == {"rescaled_amounts": "stop"}
    monkeypatch.setattr(amounts, "MOST_ROWS", 1)
    # None of them is left.
    assert found(cents) == {}


def test_a_voided_order_is_named_as_such():
    back = [order(1, NOW - timedelta(days=9), amount=amount) for amount in (30_000.0, -30_000.0)]
    assert found([*clean_orders(), *back]) == {"voided_order": "warn"}


def test_tables_that_the_model_knows_must_be_there_and_must_not_shrink():
    assert found(clean_orders(), baseline=TRAINED) == {"empty_table": "stop"}
    half = clean_orders()[::2]
    assert found(half, baseline=Baseline(("orders",), NOW, {"orders": 730})) == {"shrunk_table": "stop"}
    # One customer in twenty is gone.
    fewer = [row for row in clean_orders() if row["customer_id"] not in ("C3", "C7")]
    assert found(fewer, baseline=Baseline(("orders",), NOW, {"orders": 730})) == {"shrunk_table": "warn"}
    first = Baseline(("orders",), NOW - timedelta(days=1), trained_rows={"orders": 730})
    assert found(half, baseline=first) == {"shrunk_table": "warn"}
    assert found(half, NOW - timedelta(days=2), first) == {}


def test_a_feed_that_had_stopped_before_training_is_only_flagged():
    stopped = [row for row in clean_orders() if not recent(100)(row)]
    tickets = [
        {"ticket_id": str(day), "customer_id": "C1", "opened_at": BEGIN + timedelta(days=day)} for day in range(300)
    ]
    known = Baseline(("orders",), NOW - timedelta(days=10), ends={"tickets": BEGIN.date() + timedelta(days=299)})
    assert found(clean_orders(), baseline=known, tickets=tickets) == {"stale_feed": "warn"}
    assert found(stopped, baseline=known, tickets=tickets)["stale_feed"] in ("stop", "warn")


def test_what_a_stopped_feed_means_is_told_by_what_the_table_holds():
    began = [{"customer_id": f"C{day}", "created_at": BEGIN + timedelta(days=day)} for day in range(300)]
    with history_of({"orders": clean_orders(), "customers": began}) as history:
        [finding] = [each for each in stale_feeds(history, NOW, Baseline()) if each.table == "customers"]
    assert "What was entered since then is missing." in finding.message.en
    assert "此后录入的内容会缺失" in finding.message.zh


def test_a_cutoff_in_the_future_is_refused_and_tomorrow_is_not():
    codes = found(clean_orders(), NOW + timedelta(days=5), Baseline(("orders",), NOW, now=NOW))
    assert codes["future_cutoff"] == "stop"
    assert found(clean_orders(), NOW, Baseline(("orders",), NOW, now=NOW - timedelta(hours=20))) == {}


def test_the_newest_day_does_not_follow_a_lone_row_but_follows_a_sparse_history():
    with history_of({"orders": [*clean_orders(), order(1, datetime(2026, 8, 1))]}) as history:
        assert newest_regular_day(history) == datetime(2025, 5, 30).date()
    yearly = [order(place, datetime(2010 + place, 3, 1)) for place in range(9)]
    with history_of({"orders": yearly}) as history:
        assert newest_regular_day(history) == datetime(2018, 3, 1).date()

"""A history that does not support a model is refused with the reason and what to do."""

from datetime import datetime, timedelta

import pytest
from training_world import ACTIVE, ASKED, HORIZON, NOW, company, orders

from rapport.errors import TrainingError
from rapport.history import history_of
from rapport.training import default_cutoff, train


def ordered(customer, days_ago):
    at = NOW - timedelta(days=days_ago)
    return {"customer_id": customer, "order_id": f"{customer}{days_ago}", "ordered_at": at, "amount": 10.0}


def test_one_customer_is_not_enough():
    rows = [ordered("only", days) for days in range(20, 700, 20)]
    with pytest.raises(TrainingError, match=r"only one customer to learn churn from .* at least two"):
        train(company(rows), "churn", **ASKED)


def test_a_history_without_churn_is_refused():
    rows = [ordered(f"C{place}", days) for place in range(30) for days in range(1 + place, 700, 20)]
    with pytest.raises(TrainingError, match="past cutoffs no customer left within 90d"):
        train(company(rows), "churn", **ASKED)


def test_a_short_history_is_refused_with_the_date_it_must_reach_back_to():
    rows = [row for row in orders(40) if row["ordered_at"] > NOW - timedelta(days=100)]
    with pytest.raises(TrainingError, match=r"must reach back to 2025-09-10 at least\. Give an older history"):
        train(company(rows), "churn", **ASKED)


def test_a_date_without_eligible_customers_is_refused():
    with pytest.raises(TrainingError, match="On 2026-09-01 nobody can be scored for churn: no customer is 'active'"):
        train(company(), "churn", as_of=datetime(2026, 9, 1), horizon=HORIZON, active=ACTIVE)


def test_a_leaking_feature_stops_the_run_by_name():
    rows = orders()
    last = {row["customer_id"]: row["ordered_at"] for row in rows}
    leaving = [
        {"customer_id": name, "ticket_id": f"T{name}", "opened_at": at + timedelta(days=1), "kind": "support"}
        for name, at in last.items()
    ]
    told = history_of({"orders": rows, "tickets": leaving})
    with pytest.raises(TrainingError, match=r"ticket\w* alone separates .* with an AUC of 0\.9"):
        train(told, "churn", **ASKED)


def test_with_few_customers_the_model_falls_back_to_card_and_bg_nbd_with_a_reason():
    trained = train(company(orders(30)), "churn", **ASKED)
    assert trained.bundle.fallback.label in ("card_and_rhythm", "card")
    assert "too few" in trained.bundle.fallback.en
    assert {member.name for member in trained.bundle.members} <= {"rhythm", "card", "plain"}


def test_the_default_cutoff_is_the_midnight_after_the_last_event():
    assert default_cutoff(company([ordered("a", 10), ordered("b", 30)])) == NOW - timedelta(days=9)

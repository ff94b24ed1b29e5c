"""A history that cannot carry a model gets a sentence that says why and what to do."""

from datetime import datetime, timedelta

import pytest
from rapport.history import history_of
from rapport.training import newest_moment, train
from training_world import ACTIVE, ASKED, HORIZON, NOW, company, orders

from rapport.errors import TrainingError


def ordered(customer, days_ago):
    at = NOW - timedelta(days=days_ago)
    return {"customer_id": customer, "order_id": f"{customer}{days_ago}", "ordered_at": at, "amount": 10.0}


def test_one_customer_is_not_enough():
    rows = [ordered("only", days) for days in range(20, 700, 20)]
    with pytest.raises(TrainingError, match=r"only one customer to learn churn from .* at least two"):
        train(company(rows), "churn", **ASKED)


def test_nobody_who_left_leaves_nothing_to_learn():
    rows = [ordered(f"C{place}", days) for place in range(30) for days in range(1 + place, 700, 20)]
    with pytest.raises(TrainingError, match="past cutoffs no customer left within 90d"):
        train(company(rows), "churn", **ASKED)


def test_a_short_history_is_told_how_far_back_it_must_reach():
    rows = [row for row in orders(40) if row["ordered_at"] > NOW - timedelta(days=100)]
    with pytest.raises(TrainingError, match=r"must reach back to 2025-09-10 at least\. Give an older history"):
        train(company(rows), "churn", **ASKED)


def test_nobody_to_score_is_said_with_the_date():
    with pytest.raises(TrainingError, match="On 2026-09-01 nobody can be scored for churn: no customer is 'active'"):
        train(company(), "churn", as_of=datetime(2026, 9, 1), horizon=HORIZON, active=ACTIVE)


def test_a_feature_that_knows_the_outcome_stops_the_run_by_its_name():
    rows = orders()
    last = {row["customer_id"]: row["ordered_at"] for row in rows}
    leaving = [
        {"customer_id": name, "ticket_id": f"T{name}", "opened_at": at + timedelta(days=1), "kind": "support"}
        for name, at in last.items()
    ]
    told = history_of({"orders": rows, "tickets": leaving})
    with pytest.raises(TrainingError, match=r"ticket\w* alone tells .* with an AUC of 0\.9"):
        train(told, "churn", **ASKED)


def test_few_customers_fall_back_to_card_and_rhythm_and_say_so():
    trained = train(company(orders(30)), "churn", **ASKED)
    assert trained.bundle.basis.label in ("card_and_rhythm", "card")
    assert "too few to learn from" in trained.bundle.basis.en
    assert {expert.name for expert in trained.bundle.experts} <= {"rhythm", "card", "plain"}


def test_the_newest_moment_is_the_midnight_after_the_last_event():
    assert newest_moment(company([ordered("a", 10), ordered("b", 30)])) == NOW - timedelta(days=9)

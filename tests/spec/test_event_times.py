"""Event times of leads and subscriptions, from small histories; those of orders are in the training journey."""

from datetime import datetime
from typing import Any

import numpy as np

from rapport.durations import parse_duration
from rapport.features import BY_ORDERS, ChurnRule
from rapport.history import history_of
from rapport.scoring.models.matrix import Matrix
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.timing.event_times import EventTimes, event_of, event_times

CUTOFF, NOW = datetime(2025, 1, 1), datetime(2025, 7, 1)
NAN = float("nan")


def task(target: str, rule: ChurnRule = BY_ORDERS) -> TaskSpec:
    return TaskSpec(target, NOW, parse_duration("90d"), parse_duration("180d"), rule)


def times(tables: dict[str, list[dict[str, Any]]], of: TaskSpec, labels: dict[str, float]) -> EventTimes:
    """Return the times of customers at one cutoff, observed for 181 days."""
    count = len(labels)
    ids = np.array(list(labels), dtype=object)
    rows = Matrix((), np.zeros((count, 0)))
    dataset = Dataset(ids, np.zeros(count, dtype=np.intp), np.array(list(labels.values())), rows, (CUTOFF,))
    with history_of(tables) as history:
        return event_times(history, of, dataset, NOW)


def test_a_lead_buys_by_its_first_order_or_won_opportunity_after_the_cutoff():
    order = {"order_id": "1", "amount": 10.0}
    deal = {"opened_at": datetime(2025, 1, 5), "amount": 10.0}
    tables = {
        "orders": [
            {"customer_id": "ordered", "ordered_at": datetime(2025, 1, 31), **order},
            {"customer_id": "returned", "ordered_at": datetime(2025, 1, 31), **order, "order_id": "2", "amount": -5.0},
            {"customer_id": "late", "ordered_at": datetime(2025, 6, 1), **order, "order_id": "3"},
        ],
        "opportunities": [
            {"customer_id": "won", "opportunity_id": "a", "closed_at": datetime(2025, 1, 11), "won": True, **deal},
            {"customer_id": "lost", "opportunity_id": "b", "closed_at": datetime(2025, 1, 11), "won": False, **deal},
        ],
    }
    labels = {"ordered": 1.0, "returned": 0.0, "late": 0.0, "won": 1.0, "lost": 0.0}
    found = times(tables, task("conversion"), labels)
    assert event_of(task("conversion")) == "purchase"
    assert found.days.tolist() == [30.0, 181.0, 151.0, 10.0, 181.0]
    assert found.happened.tolist() == [1.0, 0.0, 1.0, 1.0, 0.0]


def test_a_subscription_that_was_resumed_in_time_is_not_cancelled_by_its_label():
    started = {"started_at": datetime(2024, 1, 1), "amount": 10.0}
    cancelled = {"kept": None, "left": datetime(2025, 2, 20), "resumed": datetime(2025, 2, 20)}
    contracts = [
        {"customer_id": name, "contract_id": name, "cancelled_at": at, **started} for name, at in cancelled.items()
    ]
    contracts.append(
        {"customer_id": "resumed", "contract_id": "again", "started_at": datetime(2025, 2, 25), "amount": 10.0,
         "cancelled_at": datetime(2025, 6, 10)}
    )  # fmt: skip
    rule = ChurnRule("subscriptions", "90d", "30d")
    found = times({"contracts": contracts}, task("churn", rule), {"kept": 0.0, "left": 1.0, "resumed": 0.0})
    assert event_of(task("churn", rule)) == "cancellation"
    assert found.days.tolist() == [181.0, 50.0, 160.0]
    assert found.happened.tolist() == [0.0, 1.0, 1.0]


def test_rows_without_a_label_are_timed_by_the_tables_alone_and_unknown_ones_are_censored():
    orders = [{"customer_id": "a", "order_id": "1", "ordered_at": datetime(2025, 1, 11), "amount": 10.0}]
    found = times({"orders": orders}, task("churn"), {"a": NAN, "stranger": NAN})
    assert found.days.tolist() == [10.0, 181.0]
    assert found.happened.tolist() == [1.0, 0.0]

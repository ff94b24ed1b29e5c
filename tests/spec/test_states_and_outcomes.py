"""States of customers and outcomes: who is eligible at a cutoff, and which label follows."""

from datetime import datetime

import pyarrow as pa
import pytest
from drawn_tables import CUTOFF, history, labels_of, states_of

from rapport.durations import Duration, parse_duration
from rapport.errors import SettingsError
from rapport.features import snapshot, training_rows
from rapport.features.feature_table.snapshot import exclude_refusals
from rapport.history import history_of

STATES = """
    customers
    customer_id | created_at
    new         | 2025-06-01
    old         | 2024-06-01
    unborn      | 2026-01-01

    orders
    customer_id | order_id | ordered_at          | amount
    active      | 1        | 2025-01-01          | 5
    lapsed      | 2        | 2024-12-31 23:59:59 | 5
    returned    | 3        | 2025-12-01          | -5

    opportunities
    customer_id | opportunity_id | opened_at  | closed_at  | won
    lost        | 1              | 2025-06-01 | 2025-07-01 | false
    again       | 2              | 2025-06-01 | 2025-07-01 | false
    again       | 3              | 2025-08-01 | 2026-01-01 | false

    touches
    customer_id | occurred_at | action
    again       | 2025-08-01  | view
    """


def test_the_states() -> None:
    assert states_of(STATES) == {
        "active": "active",
        "again": "new",
        "lapsed": "lapsed",
        "lost": "closed",
        "new": "new",
        "old": "silent",
        "returned": "silent",
    }


LABELS = """
    orders
    customer_id | order_id | ordered_at          | amount | recorded_at
    stays       | 1        | 2024-12-01          | 5      |
    stays       | 2        | 2025-01-01          | 5      |
    leaves      | 3        | 2024-12-01          | 5      |
    leaves      | 4        | 2025-07-01          | 5      |
    returns     | 5        | 2024-12-01          | 5      |
    returns     | 6        | 2025-02-01          | -5     |
    late        | 7        | 2024-12-01          | 5      |
    late        | 8        | 2025-02-01          | 5      | 2025-07-10 13:00
    buys        | 9        | 2025-06-30 23:59:59 | 5      |

    customers
    customer_id | created_at
    buys        | 2024-12-01
    wins        | 2024-12-01
    waits       | 2024-12-01

    opportunities
    customer_id | opportunity_id | opened_at  | closed_at  | won
    wins        | 1              | 2024-12-01 | 2025-03-01 | true
    waits       | 2              | 2025-02-01 |            | true
    """


def test_a_customer_without_an_order_in_the_horizon_has_churned() -> None:
    assert labels_of(LABELS, "churn", known_by=datetime(2025, 7, 10, 12)) == {
        "stays": 0,
        "leaves": 1,
        "returns": 1,
        "late": 1,
    }
    assert labels_of(LABELS, "churn", known_by=datetime(2025, 7, 10, 14))["late"] == 0


def test_a_lead_converts_by_a_first_order_or_a_deal_known_to_be_won() -> None:
    assert labels_of(LABELS, "conversion", known_by=datetime(2025, 7, 10)) == {"buys": 1, "wins": 1, "waits": 0}


def test_an_unfinished_horizon_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs events until 2025-07-01, but only what was known by 2025-06-30"):
        labels_of(LABELS, "churn", known_by=datetime(2025, 6, 30))


def test_a_repeated_cutoff_counts_once() -> None:
    with history(LABELS) as read:
        once, twice = (
            training_rows(
                read, "churn", [datetime(2025, 1, 1)] * times, active=Duration(12), horizon=Duration(6), known_by=CUTOFF
            )
            for times in (1, 2)
        )
    assert once.equals(twice)


def test_cutoffs_at_different_times_of_day_are_refused() -> None:
    with history(LABELS) as read, pytest.raises(SettingsError, match="different times of day"):
        training_rows(
            read,
            "churn",
            [datetime(2025, 1, 1), datetime(2025, 2, 1, 12)],
            active=Duration(12),
            horizon=Duration(3),
            known_by=CUTOFF,
        )


@pytest.mark.parametrize(
    ("rows_of_engine", "form"), [(0, pa.Table.from_pylist), (20_000, pa.Table.from_pylist), (20_000, list)]
)
def test_who_refused_automated_decisions_is_excluded_once_that_is_known(monkeypatch, rows_of_engine, form):
    monkeypatch.setattr("rapport.features.feature_table.snapshot.SMALL_HISTORY_ROWS", rows_of_engine)
    orders = [
        {"customer_id": name, "order_id": name, "ordered_at": datetime(2026, 1, 5), "amount": 5.0} for name in "ABC"
    ]
    customers = [
        {"customer_id": "A", "automated_decisions": False, "recorded_at": datetime(2026, 1, 1)},
        {"customer_id": "B", "automated_decisions": True, "recorded_at": datetime(2026, 1, 1)},
        {"customer_id": "C", "automated_decisions": False, "recorded_at": datetime(2026, 3, 1)},
    ]
    with history_of({"orders": form(orders), "customers": form(customers)}) as history:
        as_of = datetime(2026, 2, 1)
        found = exclude_refusals(history, snapshot(history, as_of, active=parse_duration("12mo")), as_of)
    assert dict(zip(found["customer_id"].to_pylist(), found["state"].to_pylist(), strict=True)) == {
        "A": "excluded",
        "B": "active",
        "C": "active",
    }

"""A part of a large history: some customers with all their rows, families whole, and nothing of it afterwards."""

from datetime import datetime, timedelta

import pytest

from rapport.features import catalog, snapshot, vocabulary_of
from rapport.history import Settings, history_of, parse_duration
from rapport.history.reading.sampling import sample_history

CUTOFF, YEAR = datetime(2025, 1, 1), parse_duration("12mo")
# Groups of three: a parent, a child, and the child's child.
CUSTOMERS = [
    {
        "customer_id": f"C{place}",
        "parent_id": f"C{place - 1}" if place % 3 else None,
        "created_at": datetime(2023, 1, 1),
    }
    for place in range(300)
]
ORDERS = [
    {
        "customer_id": f"C{place % 300}",
        "order_id": str(place),
        "ordered_at": CUTOFF - timedelta(days=1 + place * 7 % 700),
        "amount": 10.0 + place % 13,
    }
    for place in range(1500)
]


@pytest.fixture
def history():
    with history_of({"customers": CUSTOMERS, "orders": ORDERS}, Settings(fixed_attributes=("parent_id",))) as read:
        yield read


def test_a_sampled_customer_has_the_same_features_as_in_the_whole(history):
    features = catalog(vocabulary_of(history, CUTOFF))
    whole = {row["customer_id"]: row for row in snapshot(history, CUTOFF, features, active=YEAR).to_pylist()}
    with sample_history(history, 3) as some:
        part = snapshot(some, CUTOFF, features, active=YEAR).to_pylist()
    assert 50 < len(part) < 150
    assert [whole[row["customer_id"]] for row in part] == part


def test_company_groups_are_kept_or_left_as_a_whole(history):
    with sample_history(history, 3) as some:
        kept = {int(row[0][1:]) for row in some.connection.sql("SELECT customer_id FROM customers").fetchall()}
    assert kept == {place // 3 * 3 + beside for place in kept for beside in range(3)}


def test_after_the_context_all_customers_are_back(history):
    with pytest.raises(RuntimeError), sample_history(history, 3):
        raise RuntimeError
    assert history.connection.sql("SELECT count(*) FROM orders").fetchall() == [(1500,)]

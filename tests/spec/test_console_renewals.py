"""The day on which a contract ends, as lists and filters show it."""

from types import SimpleNamespace

import pytest
from drawn_tables import CUTOFF, history

from rapport.durations import Duration
from rapport.features import catalog, snapshot
from rapport.serving.snapshots.portfolio_rows import _facts

DRAWN = """
    customers
    customer_id | created_at
    ann         | 2020-01-01

    orders
    customer_id | order_id | ordered_at | amount
    ann         | 2        | 2025-12-22 | 10

    contracts
    customer_id | contract_id | started_at | ends_at    | amount
    ann         | 1           | 2025-01-10 | 2026-01-10 | 100
    """


@pytest.mark.parametrize("time", [{}, {"minute": 1}, {"hour": 14, "minute": 30}, {"hour": 23, "minute": 59}])
def test_a_contract_ends_on_its_day_whatever_the_time_of_day_of_the_run(time):
    as_of = CUTOFF.replace(**time)
    with history(DRAWN) as read:
        features = snapshot(read, as_of, catalog(), active=Duration(12))
    assert _facts(SimpleNamespace(as_of=as_of), features)["renewal_at"].to_pylist() == ["2026-01-10"]

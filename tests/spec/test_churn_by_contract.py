"""Churn by contract: which contracts expire, and which were not renewed."""

from datetime import datetime

import pytest

from rapport.features import snapshot, training_rows
from rapport.history import Settings, history_of, parse_duration, read_history

CUTOFF = datetime(2024, 1, 1)
YEAR = parse_duration("12mo")
BY_CONTRACT = Settings(churn="contracts", grace="1mo", horizon="12mo")

# customer | contract | starts | ends | renewed
DRAWN = """
ends soon, let go     | 1 | 2023-03-01 | 2024-03-01 |
ends soon, renewed    | 2 | 2023-03-01 | 2024-03-01 | 2024-02-20
renewed in the grace  | 3 | 2023-03-01 | 2024-03-01 | 2024-03-31
renewed too late      | 4 | 2023-03-01 | 2024-03-01 | 2024-04-02
replaced              | 5 | 2023-03-01 | 2024-03-01 |
replaced              | 6 | 2024-03-15 | 2025-03-15 |
runs on               | 7 | 2023-03-01 | 2025-03-01 |
one of two runs on    | 8 | 2023-03-01 | 2024-03-01 |
one of two runs on    | 9 | 2023-06-01 | 2026-03-01 |
renewed already       | 10 | 2023-03-01 | 2024-03-01 | 2023-12-15
ended before          | 11 | 2022-03-01 | 2023-03-01 |
starts at the cutoff  | 12 | 2024-01-01 | 2024-06-01 |
ends at the horizon   | 13 | 2023-01-01 | 2025-01-01 |
"""


@pytest.fixture(scope="module")
def history():
    rows = [[cell.strip() for cell in line.split("|")] for line in DRAWN.strip().splitlines()]
    contracts = [
        {"customer_id": who, "contract_id": name, "started_at": start, "ends_at": end, "renewed_at": renewed or None}
        for who, name, start, end, renewed in rows
    ]
    orders = [{"customer_id": "ended before", "order_id": "1", "ordered_at": "2023-12-01", "amount": 5.0}]
    return history_of({"contracts": contracts, "orders": orders}, BY_CONTRACT)


def test_active_customers_have_a_last_contract_that_ends_in_the_horizon(history):
    rows = snapshot(history, CUTOFF, active=YEAR)
    assert dict(zip(rows["customer_id"].to_pylist(), rows["state"].to_pylist(), strict=True)) == {
        "ends soon, let go": "active",
        "ends soon, renewed": "active",
        "renewed in the grace": "active",
        "renewed too late": "active",
        "replaced": "active",
        "runs on": "covered",
        "one of two runs on": "covered",
        "renewed already": "covered",
        "ended before": "lapsed",
        "ends at the horizon": "covered",
    }


def test_a_contract_is_retained_when_renewed_or_replaced_within_the_grace(history):
    rows = training_rows(history, "churn", [CUTOFF], active=YEAR, horizon=YEAR, known_by=datetime(2026, 1, 1))
    assert dict(zip(rows["customer_id"].to_pylist(), rows["label"].to_pylist(), strict=True)) == {
        "ends soon, let go": 1,
        "ends soon, renewed": 0,
        "renewed in the grace": 0,
        "renewed too late": 1,
        "replaced": 0,
    }


def test_a_contract_outcome_is_known_only_after_the_grace(history):
    with pytest.raises(ValueError, match="needs events until 2025-02-01"):
        training_rows(history, "churn", [CUTOFF], active=YEAR, horizon=YEAR, known_by=datetime(2025, 1, 15))


# customer | contract | starts | ends
SUBSCRIBED = """
runs on              | 1 | 2023-03-01 |
cancelled later      | 2 | 2023-03-01 | 2024-05-01
cancelled after it   | 3 | 2023-03-01 | 2025-01-15
moved to another     | 4 | 2023-03-01 | 2024-05-01
moved to another     | 5 | 2024-05-01 |
came back in time    | 6 | 2023-03-01 | 2024-12-20
came back in time    | 7 | 2025-01-20 |
came back too late   | 8 | 2023-03-01 | 2024-12-20
came back too late   | 9 | 2025-02-20 |
cancelled before     | 10 | 2022-03-01 | 2023-06-01
starts later         | 11 | 2024-03-01 |
"""


def test_a_subscription_runs_on_until_it_is_cancelled_and_no_orders_are_needed(tmp_path):
    rows = [[cell.strip() for cell in line.split("|")] for line in SUBSCRIBED.strip().splitlines()]
    lines = ["customer_id,contract_id,started_at,ends_at", *(",".join(row) for row in rows)]
    (tmp_path / "contracts.csv").write_text("\n".join(lines))
    with read_history(tmp_path, Settings(churn="subscriptions", grace="1mo", horizon="12mo")) as history:
        now = snapshot(history, CUTOFF, active=YEAR)
        training = training_rows(history, "churn", [CUTOFF], active=YEAR, horizon=YEAR, known_by=datetime(2026, 1, 1))
    states = dict(zip(now["customer_id"].to_pylist(), now["state"].to_pylist(), strict=True))
    assert {who for who, state in states.items() if state == "lapsed"} == {"cancelled before"}
    assert dict(zip(training["customer_id"].to_pylist(), training["label"].to_pylist(), strict=True)) == {
        "runs on": 0,
        "cancelled later": 1,
        "cancelled after it": 0,
        "moved to another": 0,
        "came back in time": 0,
        "came back too late": 1,
    }
    in_force = dict(zip(now["customer_id"].to_pylist(), now["contracts_in_force"].to_pylist(), strict=True))
    assert (in_force["cancelled later"], in_force["cancelled before"]) == (1, 0)


# contract | version from | until | ends
VERSIONS = """
extended      | 2023-03-01 | 2024-02-10 | 2024-03-01
extended      | 2024-02-10 |            | 2025-03-01
extended late | 2023-03-01 | 2024-06-01 | 2024-03-01
extended late | 2024-06-01 |            | 2025-03-01
repriced      | 2023-03-01 | 2024-02-10 | 2024-03-01
repriced      | 2024-02-10 |            | 2024-03-01
"""


def test_every_cutoff_reads_the_version_of_a_contract_that_it_knew():
    contracts = [
        {"customer_id": name, "contract_id": name, "started_at": "2023-03-01", "ends_at": ends}
        | {"dbt_valid_from": begin, "dbt_valid_to": until or None, "amount": float(begin[:4])}
        for name, begin, until, ends in (
            [cell.strip() for cell in line.split("|")] for line in VERSIONS.strip().splitlines()
        )
    ]
    cutoffs = [CUTOFF, datetime(2024, 2, 20)]
    with history_of({"contracts": contracts}, BY_CONTRACT) as history:
        assert history.rows == {"contracts": 3}
        states = [
            {row["customer_id"]: row["state"] for row in snapshot(history, at, active=YEAR).to_pylist()}
            for at in cutoffs
        ]
        rows = training_rows(history, "churn", cutoffs, active=YEAR, horizon=YEAR, known_by=datetime(2026, 1, 1))
    assert states == [
        {"extended": "active", "extended late": "active", "repriced": "active"},
        {"extended": "covered", "extended late": "active", "repriced": "active"},
    ]
    labels = {(row["customer_id"], row["cutoff"].month): row["label"] for row in rows.to_pylist()}
    assert labels == {
        ("extended", 1): 0,
        ("extended late", 1): 1,
        ("repriced", 1): 1,
        ("extended late", 2): 1,
        ("repriced", 2): 1,
    }


def test_a_merged_customer_has_no_contract_of_its_own_after_the_merge():
    contracts = [
        {"customer_id": who, "contract_id": name, "started_at": start, "ends_at": ends}
        for who, name, start, ends in (
            ("old", "1", "2023-03-01", "2024-08-01"),
            ("new", "2", "2024-08-05", "2026-08-01"),
            ("other", "3", "2023-03-01", "2024-08-01"),
        )
    ]
    merges = [{"customer_id": "old", "merged_into": "new", "merged_at": "2024-02-01"}]
    cutoffs = [CUTOFF, datetime(2024, 3, 1)]
    with history_of({"contracts": contracts, "merges": merges}, BY_CONTRACT) as history:
        rows = training_rows(history, "churn", cutoffs, active=YEAR, horizon=YEAR, known_by=datetime(2026, 1, 1))
    labels = {(row["customer_id"], row["cutoff"].month): row["label"] for row in rows.to_pylist()}
    assert labels == {("old", 1): 0, ("other", 1): 1, ("new", 3): 0, ("other", 3): 1}

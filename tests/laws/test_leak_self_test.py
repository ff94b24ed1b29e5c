"""The leak self-test finds no leak in the simulated company, and would find one."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rapport.durations import Duration
from rapport.errors import TableError
from rapport.features import snapshot
from rapport.features.leaks.leak_injection import Injection
from rapport.features.leaks.self_test import changed_cells, check_leaks, injected
from rapport.features.leaks.version_injection import later_versions
from rapport.history import history_of, read_history
from rapport.history.simulate import simulate

CUTOFF = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company") / "history"
    simulate(folder, customers=120, years=2, seed=3)
    return folder


def test_no_cell_of_the_simulated_company_changes(company: Path) -> None:
    with read_history(company) as history:
        report = check_leaks(history, active=Duration(12), cutoffs=2)
        assert report.as_text().endswith("Changed: 0.")
    assert report.clean
    assert report.cells > 100_000
    assert {kind: count > 1000 for kind, count in report.planted.items()} == dict.fromkeys(report.planted, True)


@pytest.mark.parametrize("small", [0, 10**9])
def test_injected_rows_known_at_the_cutoff_are_seen_and_removed_afterwards(
    company: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.features.feature_table.snapshot.SMALL_HISTORY_ROWS", small)
    known = Injection("rows of yesterday", lambda table, moment, _: {table.time: f"{moment} - INTERVAL 1 DAY"})
    with read_history(company) as history:
        before = snapshot(history, CUTOFF, active=Duration(12))
        with injected(history, CUTOFF, [known], seed=1) as counts:
            with_rows = snapshot(history, CUTOFF, active=Duration(12))
        after = snapshot(history, CUTOFF, active=Duration(12))
    assert counts["rows of yesterday"] > 1000
    changed = set(changed_cells(before, with_rows))
    assert {"spend_sum_30d", "tickets_open", "days_late_change", "contacts_active_count_90d"} <= changed
    assert "last_touch_campaign" in changed
    assert changed_cells(before, after) == {}


def test_a_history_with_a_single_order_time_is_refused() -> None:
    order = {"customer_id": "a", "order_id": "1", "ordered_at": CUTOFF - timedelta(days=1), "amount": 1.0}
    with history_of({"orders": [order]}) as history, pytest.raises(TableError, match="orders at different times"):
        check_leaks(history, active=Duration(12))


VERSIONED = {
    "orders": [
        {"customer_id": who, "order_id": f"{who}{day}", "ordered_at": datetime(2025, 1, day), "amount": 5.0}
        for who in ("a", "b", "c")
        for day in (1, 9, 20)
    ],
    "opportunities": [
        {
            "opportunity_id": who,
            "customer_id": who,
            "opened_at": datetime(2025, 1, 2),
            "amount": 9.0,
            "stage": "propose",
        }
        for who in ("a", "b", "c")
    ],
    "changes": [
        {
            "table": "opportunities",
            "record_id": "a",
            "changed_at": datetime(2025, 1, 3),
            "column": "amount",
            "value": "9",
        }
    ],
    "merges": [{"customer_id": "c", "merged_into": "b", "merged_at": datetime(2025, 1, 18)}],
}


def test_values_and_merges_that_come_later_are_injected_too() -> None:
    with history_of(VERSIONED) as history:
        report = check_leaks(history, active=Duration(12), cutoffs=2)
    assert report.clean
    assert report.planted["values and merges that come later"] >= 2


def test_injected_versions_are_seen_after_their_day_and_removed_afterwards() -> None:
    with history_of(VERSIONED) as history:
        later, active = CUTOFF + timedelta(days=365), Duration(36)
        before = snapshot(history, later, active=active)
        with later_versions(history, datetime(2025, 1, 20), seed=1) as count:
            after = snapshot(history, later, active=active)
        assert count == 2
        assert {"opportunities_open_amount", "customer_id"} <= set(changed_cells(before, after))
        assert changed_cells(before, snapshot(history, later, active=active)) == {}

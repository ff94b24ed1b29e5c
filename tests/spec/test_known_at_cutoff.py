"""What a feature knows at the cutoff: rows recorded late, and facts that come later."""

from datetime import datetime

from drawn_tables import CUTOFF, features_of, history

from rapport.durations import Duration
from rapport.features import training_rows
from rapport.history import history_of


def test_rows_recorded_after_the_cutoff_are_unknown() -> None:
    rows = features_of(
        """
        orders
        customer_id | order_id | ordered_at | amount | recorded_at
        ann         | 1        | 2025-12-01 | 1      |
        ann         | 2        | 2025-12-02 | 10     | 2025-12-31 23:59:59
        ann         | 3        | 2025-12-03 | 100    | 2026-01-01
        """,
        "orders_count_90d",
        "spend_sum_90d",
        "order_gap_last",
    )
    assert rows == {"ann": {"orders_count_90d": 2, "spend_sum_90d": 11, "order_gap_last": 1}}


def test_a_late_row_makes_a_gap_only_at_the_cutoffs_that_knew_it() -> None:
    with history(
        """
        orders
        customer_id | order_id | ordered_at | amount | recorded_at
        ann         | 1        | 2025-05-01 | 1      |
        ann         | 2        | 2025-05-11 | 1      | 2025-06-20
        ann         | 3        | 2025-05-31 | 1      |
        bob         | 4        | 2025-12-31 | 1      |
        """
    ) as told:
        table = training_rows(
            told,
            "churn",
            [datetime(2025, 6, 1), datetime(2025, 7, 1)],
            active=Duration(12),
            horizon=Duration(1),
            known_by=CUTOFF,
        )
    assert table.select(["cutoff", "order_gap_mean", "orders_count_ever"]).to_pylist() == [
        {"cutoff": datetime(2025, 6, 1), "order_gap_mean": 30, "orders_count_ever": 2},
        {"cutoff": datetime(2025, 7, 1), "order_gap_mean": 15, "orders_count_ever": 3},
    ]


def test_a_fact_counts_from_its_own_time() -> None:
    rows = features_of(
        """
        tickets
        customer_id | ticket_id | opened_at           | resolved_at         | satisfaction | kind
        ann         | 1         | 2025-12-20          | 2025-12-31 23:59:59 | 2            | complaint
        ann         | 2         | 2025-12-20          | 2026-01-01          | 5            | complaint
        ann         | 3         | 2025-12-25 00:00:01 |                     |              | support
        """,
        "tickets_open",
        "complaints_open",
        "tickets_overdue",
        "satisfaction_latest",
    )
    assert rows == {"ann": {"tickets_open": 2, "complaints_open": 1, "tickets_overdue": 1, "satisfaction_latest": 2}}


def test_an_interaction_is_with_a_decision_maker_from_when_the_contact_is_known() -> None:
    rows = features_of(
        """
        interactions
        customer_id | occurred_at | contact_id | recorded_at
        ann         | 2025-11-01  | P          |
        bob         | 2025-11-01  | Q          | 2025-11-05
        cem         | 2025-11-01  | R          |

        contacts
        contact_id | customer_id | role           | created_at
        P          | ann         | decision_maker | 2025-12-15
        Q          | bob         | decision_maker | 2025-10-01
        R          | cem         | decision_maker | 2026-01-01
        """,
        "decision_maker_days_ago",
    )
    assert rows == {
        "ann": {"decision_maker_days_ago": 16},
        "bob": {"decision_maker_days_ago": 60},
        "cem": {"decision_maker_days_ago": None},
    }


def test_the_late_rows_of_one_customer_leave_another_as_it_is():
    late = [
        {"customer_id": "late", "order_id": f"l{day}", "ordered_at": datetime(2025, 1, day), "amount": 5.0,
         "recorded_at": datetime(2025, 2, 15)}
        for day in range(1, 6)
    ]  # fmt: skip
    own = [
        {"customer_id": name, "order_id": name, "ordered_at": datetime(2025, 1, 3), "amount": 7.0, "recorded_at": None}
        for name in ("late", "other")
    ]
    cutoffs = [datetime(2025, 2, 1), datetime(2025, 3, 1)]
    with history_of({"orders": late + own}) as history:
        rows = training_rows(
            history, "churn", cutoffs, active=Duration(12), horizon=Duration(1), known_by=datetime(2025, 5, 1)
        )
    found = {(row["cutoff"], row["customer_id"]): row["orders_count_ever"] for row in rows.to_pylist()}
    first, second = cutoffs
    assert found == {(first, "late"): 1, (first, "other"): 1, (second, "late"): 6, (second, "other"): 1}

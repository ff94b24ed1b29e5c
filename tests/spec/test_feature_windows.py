"""The meaning of features: histories written as tables, and the features at the cutoff."""

from drawn_tables import CUTOFF, features_of, history

from rapport.durations import Duration
from rapport.features import snapshot


def test_a_window_includes_its_first_instant_and_excludes_the_cutoff() -> None:
    rows = features_of(
        """
        orders
        customer_id | order_id | ordered_at                 | amount
        ann         | 1        | 2025-12-01 23:59:59.999999 | 1
        ann         | 2        | 2025-12-02                 | 10
        ann         | 3        | 2025-12-31 23:59:59.999999 | 100
        ann         | 4        | 2026-01-01                 | 1000
        bob         | 5        | 2026-01-01                 | 1000
        """,
        "orders_count_30d",
        "spend_sum_30d",
        "spend_sum_ever",
        "days_since_last_order",
    )
    assert rows == {
        "ann": {"orders_count_30d": 2, "spend_sum_30d": 110, "spend_sum_ever": 111, "days_since_last_order": 0}
    }


def test_an_invoice_is_overdue_from_its_due_day_until_it_is_paid() -> None:
    rows = features_of(
        """
        invoices
        customer_id | invoice_id | issued_at  | due_at     | paid_at    | amount
        ann         | 1          | 2025-10-01 | 2025-11-01 | 2025-11-11 | 1
        ann         | 2          | 2025-11-01 | 2025-12-01 | 2026-01-01 | 10
        ann         | 3          | 2025-12-01 | 2025-12-31 |            | 100
        ann         | 4          | 2025-12-01 | 2026-01-01 |            | 1000
        bob         | 5          | 2025-10-01 | 2025-11-01 | 2025-11-01 | 5
        """,
        "invoices_overdue_amount",
        "invoices_overdue_count",
        "days_late_max_365d",
        "late_share_365d",
    )
    assert rows == {
        "ann": {
            "invoices_overdue_amount": 110,
            "invoices_overdue_count": 2,
            "days_late_max_365d": 10,
            "late_share_365d": 1,
        },
        "bob": {
            "invoices_overdue_amount": 0,
            "invoices_overdue_count": 0,
            "days_late_max_365d": 0,
            "late_share_365d": 0,
        },
    }


def test_gaps_are_between_days_with_an_order_and_belong_to_the_later_one() -> None:
    rows = features_of(
        """
        orders
        customer_id | order_id | ordered_at       | amount
        ann         | 1        | 2025-06-01 09:00 | 5
        ann         | 1        | 2025-06-01 09:00 | 7
        ann         | 2        | 2025-06-01 18:00 | 5
        ann         | 3        | 2025-06-11        | 5
        ann         | 4        | 2025-07-11        | 5
        ann         | 5        | 2025-07-12        | -5
        bob         | 6        | 2025-06-01        | 5
        """,
        "order_gap_mean",
        "order_gap_last",
        "order_gap_sd",
        "orders_count_ever",
        "order_days_count_ever",
        "overdue_ratio",
        "one_time_buyer",
    )
    assert rows == {
        "ann": {
            "order_gap_mean": 20,
            "order_gap_last": 30,
            "order_gap_sd": 10,
            "orders_count_ever": 4,
            "order_days_count_ever": 3,
            "overdue_ratio": 173 / 20,
            "one_time_buyer": 0,
        },
        "bob": {
            "order_gap_mean": None,
            "order_gap_last": None,
            "order_gap_sd": None,
            "orders_count_ever": 1,
            "order_days_count_ever": 1,
            "overdue_ratio": None,
            "one_time_buyer": 1,
        },
    }


def test_contacts_are_counted_once_for_any_number_of_interactions() -> None:
    rows = features_of(
        """
        contacts
        customer_id | contact_id | role           | created_at
        ann         | p          | decision_maker | 2024-01-01
        ann         | q          | user           | 2024-01-01

        interactions
        customer_id | occurred_at | contact_id | channel
        ann         | 2025-02-01  | p          | meeting
        ann         | 2025-10-03  | q          | call
        ann         | 2025-12-01  | q          | call
        ann         | 2025-12-02  | r          | call
        """,
        "contacts_active_count_90d",
        "contacts_active_count_365d",
        "contacts_lost_count_180d",
        "decision_maker_days_ago",
    )
    assert rows == {
        "ann": {
            "contacts_active_count_90d": 2,
            "contacts_active_count_365d": 3,
            "contacts_lost_count_180d": 1,
            "decision_maker_days_ago": 333,
        }
    }


def test_the_season_ahead_counts_last_year_s_orders() -> None:
    rows = features_of(
        """
        orders
        customer_id | order_id | ordered_at          | amount
        ann         | 1        | 2024-12-31 23:59:59 | 1
        ann         | 2        | 2025-01-01          | 1
        ann         | 3        | 2025-03-31 23:59:59 | 1
        ann         | 4        | 2025-04-01          | 1
        """,
        "orders_season_ahead_count",
    )
    assert rows == {"ann": {"orders_season_ahead_count": 2}}


def test_touches_sent_by_the_company_do_not_count() -> None:
    rows = features_of(
        """
        touches
        customer_id | occurred_at | action     | asset
        ann         | 2025-12-01  | webinar    | talk
        ann         | 2025-12-02  | email_sent | news
        """,
        "touches_count_30d",
        "actions_count_ever",
        "assets_count_ever",
        "touches_webinar_count_365d",
    )
    assert rows == {
        "ann": {
            "touches_count_30d": 0,
            "actions_count_ever": 1,
            "assets_count_ever": 1,
            "touches_webinar_count_365d": 1,
        }
    }


def test_features_of_a_table_that_is_not_kept_are_null_not_zero() -> None:
    drawn = """
        orders
        customer_id | order_id | ordered_at | amount
        ann         | 1        | 2025-12-01 | 1
        """
    assert features_of(drawn, "orders_count_90d", "complaints_count_365d") == {
        "ann": {"orders_count_90d": 1, "complaints_count_365d": None}
    }
    with history(drawn) as told:
        table = snapshot(told, CUTOFF, active=Duration(12), present=["orders", "tickets"])
    assert table["complaints_count_365d"].to_pylist() == [0]


def test_days_begin_at_the_local_time_of_day_of_the_cutoff() -> None:
    drawn = """
        orders
        customer_id | order_id | ordered_at                | amount
        ann         | 1        | 2025-12-31T15:59:59+00:00 | 1
        ann         | 2        | 2025-12-31T16:00:00+00:00 | 10
        """
    assert features_of(drawn, "spend_sum_ever", zone="Asia/Shanghai") == {"ann": {"spend_sum_ever": 1}}
    assert features_of(drawn, "spend_sum_ever") == {"ann": {"spend_sum_ever": 11}}


def test_times_before_1970_and_far_in_the_future_work() -> None:
    rows = features_of(
        """
        orders
        customer_id | order_id | ordered_at | amount
        ann         | 1        | 1905-01-01 | 1
        ann         | 2        | 1906-01-01 | 1

        tickets
        customer_id | ticket_id | opened_at  | resolved_at | satisfaction
        ann         | 1         | 2020-01-01 | 2190-01-01  | 5
        """,
        "orders_count_ever",
        "order_gap_last",
        "tickets_open",
    )
    assert rows == {"ann": {"orders_count_ever": 2, "order_gap_last": 365, "tickets_open": 1}}

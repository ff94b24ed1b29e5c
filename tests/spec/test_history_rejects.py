"""Rejected rows: which rows are rejected, for which reason, and when there are too many of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapport.errors import TableError
from rapport.history import Settings, history_of, read_history
from rapport.history.reading.database import open_database

LENIENT = Settings(reject_share=1)


@pytest.fixture
def orders_in(tmp_path):
    """Write drawn order lines as CSV; return their folder."""

    def write(drawn: str) -> Path:
        lines = [",".join(cell.strip() for cell in line.split("|")) for line in drawn.strip().splitlines()]
        (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return write


def reasons(history):
    with history:
        return [tuple(row.values()) for row in history.rejected.rows.to_pylist()]


def test_each_invalid_row_is_rejected_with_line_column_and_reason(orders_in):
    folder = orders_in("""
        customer_id | order_id | ordered_at | amount
        ann         | 1        | 2026-01-31 | 120
                    | 2        | 2026-01-31 | 10
        bob         | 3        |            | 10
        bob         | 4        | yesterday  | 10
        bob         | 5        | 03/04/2026 | 10
        bob         | 6        | 2026-02-30 | 10
        bob         | 7        | 2026-01-31 | ten
        bob         | 8        | 2026-01-31 | inf
        bob         | 9        | 2026-01-31 | 1e16
        bob         | 10       | 1900-01-01 | 10
        bob         | 11       | 2926-01-31 | 10
        bob         | 12       | 2026-01-31 |
        cem         | 13       | 2026-01-30 | 7
    """)
    history = read_history(folder, LENIENT)
    assert history.rows == {"orders": 2}
    assert history.rejected.count == {"orders": 11}
    ask = 'set date_format = "day_first" or "month_first" in rapport.toml.'
    no_time = "ordered_at is not a time: write it like 2026-01-31 or 2026-01-31T14:05:00Z."
    absurd = "amount is not a possible number: it is infinite, not a number, or beyond 10^15."
    assert [row[2:] for row in reasons(history)] == [
        (3, "customer_id", "has no customer_id.", None),
        (4, "ordered_at", "has no ordered_at.", None),
        (5, "ordered_at", no_time, "yesterday"),
        (6, "ordered_at", f"ordered_at can be read as two days: {ask}", "03/04/2026"),
        (7, "ordered_at", no_time, "2026-02-30"),
        (8, "amount", "amount is not a number: write it like 1234.50.", "ten"),
        (9, "amount", absurd, "inf"),
        (10, "amount", absurd, "1e16"),
        (11, "ordered_at", "ordered_at lies before 1901: leave it empty where it is not known.", "1900-01-01"),
        (12, "ordered_at", "ordered_at lies beyond the year 2200: leave it empty where it is not known.", "2926-01-31"),
        (13, "amount", "has no amount.", None),
    ]


def test_lines_that_do_not_fit_the_header_are_rejected_and_keep_the_line_numbers_right(orders_in):
    folder = orders_in("""
        customer_id | order_id | ordered_at | amount
        ann         | 1        | 2026-01-31 | 1 | 234
        ann         | 2        | 2026-01-31 | 5
        ann
        ann         | 4        | soon       | 5
    """)
    history = read_history(folder, LENIENT)
    assert [(line, column, value) for _, _, line, column, _, value in reasons(history)] == [
        (2, "", "ann,1,2026-01-31,1,234"),
        (4, "", "ann"),
        (5, "ordered_at", "soon"),
    ]


def test_a_duplicate_key_keeps_its_first_row():
    customers = [{"customer_id": "a", "name": "first"}, {"customer_id": "b"}, {"customer_id": "a", "name": "second"}]
    history = history_of({"customers": customers}, LENIENT)
    assert history.connection.execute("SELECT customer_id, name FROM customers ORDER BY 1").fetchall() == [
        ("a", "first"),
        ("b", None),
    ]
    reason = "customer_id is there already: the first row is kept."
    assert reasons(history) == [("customers", None, 3, "customer_id", reason, "a")]


def test_an_isolated_late_time_is_rejected_but_a_long_history_is_not():
    times = ["1990-05-01", "1999-01-01", "2008-01-01", "2017-01-01", "2026-01-01", "2062-01-01"]
    records = [{"customer_id": "a", "order_id": i, "ordered_at": t, "amount": 1} for i, t in enumerate(times)]
    history = history_of({"orders": records}, LENIENT)
    assert history.rows == {"orders": 5}
    reason = "ordered_at lies more than 10 years after all others: is the year right?"
    assert reasons(history) == [("orders", None, 6, "ordered_at", reason, "2062-01-01")]


def test_a_due_date_may_be_in_the_future():
    invoice = {"invoice_id": "1", "customer_id": "a", "issued_at": "2026-01-01", "due_at": "2046-01-01", "amount": 1}
    assert history_of({"invoices": [invoice]}).rows == {"invoices": 1}


@pytest.mark.parametrize(
    ("table", "row", "reason"),
    [
        ("interactions", {"occurred_at": "2026-01-01", "sentiment": -3}, "sentiment is below -1."),
        ("interactions", {"occurred_at": "2026-01-01", "sentiment": 80}, "sentiment is above 1."),
        ("interactions", {"occurred_at": "2026-01-01", "response_hours": -2}, "response_hours is below 0."),
        (
            "opportunities",
            {"opportunity_id": 1, "opened_at": "2026-01-01", "won": "maybe"},
            "won is neither yes nor no",
        ),
        ("tickets", {"ticket_id": 1, "opened_at": "2026-01-01", "resolved_at": "later"}, "resolved_at is not a time"),
    ],
)
def test_impossible_values_are_rejected(table, row, reason):
    history = history_of({table: [{"customer_id": "a", **row}]}, LENIENT)
    assert reasons(history)[0][4].startswith(reason)


def test_nan_is_null_in_an_optional_column_and_rejected_in_a_required_one(tmp_path):
    nan = float("nan")
    orders = pa.table(
        {
            "customer_id": ["a", "b"],
            "order_id": ["1", "2"],
            "ordered_at": pa.array([0, 0], pa.timestamp("us")),
            "amount": [1.0, nan],
            "quantity": [nan, 1.0],
        }
    )
    pq.write_table(orders, tmp_path / "orders.parquet")
    history = read_history(tmp_path, LENIENT)
    assert history.connection.execute("SELECT order_id, quantity FROM orders").fetchall() == [("1", None)]
    assert reasons(history) == [("orders", "orders.parquet", 2, "amount", "has no amount.", "nan")]


def test_too_many_rejected_rows_stop_the_run_with_the_most_frequent_reason():
    good = [{"customer_id": "a", "order_id": i, "ordered_at": "2026-01-01", "amount": 1} for i in range(3)]
    bad = [{"customer_id": "a", "order_id": 9, "ordered_at": "2026-01-01", "amount": "?"}]
    assert history_of({"orders": good + bad}, Settings(reject_share=0.25)).rows == {"orders": 3}
    sentence = (
        r"orders: 1 of 4 rows cannot be used, more than the 20% that reject_share allows\. "
        r"In 1 of them: amount is not a number: write it like 1234\.50\. First: line 4, '\?'\."
    )
    with pytest.raises(TableError, match=sentence):
        history_of({"orders": good + bad}, Settings(reject_share=0.2))


def test_a_refused_history_leaves_a_borrowed_database_clean():
    database = open_database(Settings())
    bad = [{"customer_id": None, "order_id": 1, "ordered_at": "2026-01-01", "amount": 1}]
    with pytest.raises(TableError, match=r"has no customer_id"):
        history_of({"customers": [{"customer_id": "a"}], "orders": bad}, database=database)
    with history_of({}, database=database) as empty:
        assert empty.connection.execute("SELECT count(*) FROM customers").fetchall() == [(0,)]
    database.close()

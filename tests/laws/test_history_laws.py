"""Laws of reading: no row is lost, no invalid row is accepted, and row order and file format do not matter."""

import csv
import math
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.history import Settings, history_of, read_history
from rapport.history.reading.database import open_database

LENIENT = Settings(reject_share=1)
words = st.sampled_from(["", " ", "a", " b ", "客户", "7", "007", "x'y", 'say "hi"', "a,b", "line\nbreak", "NULL"])
texts = words | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=6)
times = st.sampled_from(
    [
        *("2026-01-31", "2026/1/31", "31.01.2026", "03/04/2026", "13/04/2026", "2026年1月3日", "20260131"),
        *("2026-01-31T10:00:00Z", "2026-01-31 10:00:00.5", "2026-02-30", "1899-12-31", "2200-01-01", "2062-05-05"),
        *("yesterday", "now", "infinity"),
    ]
)
numbers = st.sampled_from(["1", "-2.5", "1,234", "1,23", "¥5", "5 USD", "1e3", "1e16", "inf", "nan", "abc", "0x1", "١"])
rows_of_orders = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": texts,
            "order_id": texts,
            "ordered_at": times | texts,
            "amount": numbers | texts,
            "quantity": numbers,
        }
    ),
    max_size=8,
)
everything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | times
    | numbers
    | texts
    | st.lists(st.integers(), max_size=2)
)
good_invoice = {
    "invoice_id": "1",
    "customer_id": "ann",
    "issued_at": "2026-01-31",
    "due_at": "2026-02-28",
    "amount": "10",
    "paid_at": None,
    "recorded_at": None,
}
# A valid row with one changed cell: of several invalid cells only the first is reported.
edges = {"invoice_id": texts, "customer_id": texts, "amount": numbers}
changed = st.sampled_from(sorted(good_invoice)).flatmap(
    lambda name: st.fixed_dictionaries({name: edges.get(name, times) | edges.get(name, times) | everything})
)
rows_of_invoices = st.lists(changed, min_size=1, max_size=12).map(
    lambda changes: [good_invoice | {"invoice_id": str(n)} | change for n, change in enumerate(changes)]
)


@pytest.fixture(scope="module")
def database():
    """Reuse one database for all examples: opening one takes longer than reading."""
    database = open_database(LENIENT)
    yield database
    database.close()


def kept(history):
    with history:
        return Counter(history.connection.execute("SELECT * FROM orders").fetchall())


@settings(max_examples=40, deadline=None)
@given(rows=rows_of_invoices)
def test_every_row_is_accepted_or_rejected_and_accepted_rows_are_valid(database, rows):
    with history_of({"invoices": rows}, LENIENT, database) as history:
        assert history.rows["invoices"] + history.rejected.total == len(rows)
        assert history.connection.execute("SELECT count(*) FROM invoices").fetchall() == [(history.rows["invoices"],)]
        broken = history.connection.execute(
            "SELECT count(*) FROM invoices WHERE customer_id IS NULL OR trim(customer_id) = '' OR issued_at IS NULL "
            "OR due_at IS NULL OR amount IS NULL OR NOT isfinite(amount) OR abs(amount) > 1e15 "
            "OR issued_at NOT BETWEEN '1901-01-01' AND '2199-12-31 23:59:59.999999'"
        ).fetchall()
        assert broken == [(0,)]
        duplicates = "SELECT count(*) - count(DISTINCT invoice_id) FROM invoices"
        assert history.connection.execute(duplicates).fetchall() == [(0,)]


@settings(max_examples=40, deadline=None)
@given(rows=rows_of_orders, data=st.data())
def test_the_order_of_rows_changes_nothing(database, rows, data):
    shuffled = data.draw(st.permutations(rows))
    assert kept(history_of({"orders": rows}, LENIENT, database)) == kept(
        history_of({"orders": shuffled}, LENIENT, database)
    )


@settings(max_examples=20, deadline=None)
@given(rows=rows_of_orders)
def test_a_csv_file_reads_as_the_same_rows_in_memory(database, rows):
    with tempfile.TemporaryDirectory() as folder:
        names = ["customer_id", "order_id", "ordered_at", "amount", "quantity"]
        with (Path(folder) / "orders.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
        assert kept(read_history(folder, LENIENT)) == kept(history_of({"orders": rows}, LENIENT, database))


moments = st.none() | st.sampled_from(["1899-12-31", "1901-01-01", "2026-01-31T10:00", "2199-12-31", "2200-01-01"])
typed_rows = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from([None, "", " ", "a", "b ", "客户"]),
            "occurred_at": moments.map(lambda text: text and datetime.fromisoformat(text)),
            "response_hours": st.none() | st.sampled_from([0.0, -0.5, 7.25, 1e15, 2e15, math.inf, math.nan]),
            "sentiment": st.none() | st.floats(-1.5, 1.5) | st.just(math.nan),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(
    rows=typed_rows, length=st.integers(1, 5), statistics=st.sampled_from([True, False, ["occurred_at", "sentiment"]])
)
def test_parquet_statistics_hide_no_invalid_row(rows, length, statistics):
    kinds = {"customer_id": pa.string(), "occurred_at": pa.timestamp("us"), "sentiment": pa.float64()}
    kinds["response_hours"] = pa.float64()
    table = pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        order = {"customer_id": ["a"], "order_id": ["1"], "ordered_at": [datetime(2026, 1, 1)], "amount": [1.0]}
        pq.write_table(pa.table(order), folder / "orders.parquet")
        pq.write_table(table, folder / "interactions.parquet", row_group_size=length, write_statistics=statistics)
        without_statistics = _read(folder, min_rows=10**9)
        assert _read(folder, min_rows=-1) == without_statistics


def _read(folder, min_rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapport.history.reading.parquet_statistics.MIN_ROWS", min_rows)
        with read_history(folder, LENIENT) as history:
            rows = history.connection.execute("SELECT * FROM interactions").fetchall()
            return repr((rows, history.rejected.rows.to_pylist(), history.time_range()))

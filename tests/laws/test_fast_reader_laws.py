"""The fast reader and the database read the same cells from the same rows."""

from collections import Counter
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.history import Settings, history_of
from rapport.history.contract import by_name, columns_of

# Values at the limits of what the fast reader reads, and values that it leaves to the database.
clean = {
    "time": st.sampled_from(
        [
            *("2026-01-31", "2026-02-28T10:00", "2026-02-28 10:00:00", "2026-02-28T10:41:07.25Z", "2199-12-31"),
            *("2026-01-31T23:30:00+08:00", "1965-03-04", "1969-12-31T23:59:59.999999", "2026-03-08T07:30:00Z"),
        ]
    )
    | st.datetimes(datetime(1950, 1, 1), datetime(2150, 1, 1)),
    "number": st.sampled_from(["1", "-0", "007", "1.50", "0.1234567890123", 10**15, -1, 0, -0.5, 1.0])
    | st.floats(-1e15, 1e15),
    "text": st.sampled_from(["Meeting", "VISIT", "拜访", "fax", " call ", "", "O'Neil", " ", "won"]),
    "flag": st.booleans(),
}
unusual = {
    "time": st.sampled_from(
        ["1965-03-04T00:00:00Z", "2026-1-3", "03/04/2026", "2026-02-30", "2200-01-01", "20260131", ""]
    ),
    "number": st.sampled_from(["1e3", "1,5", " 2", "", 2**70, True, float("nan"), float("inf"), -1e16]),
    "text": st.sampled_from(["ÉTÉ", "a\tb", "İ", "\u3000", 5, 2.0, 2**70]),
    "flag": st.sampled_from(["yes", "nein", 1, ""]),
}
clean["id"], unusual["id"] = clean["text"] | st.sampled_from([5, -(2**63)]), unusual["text"]
by_kind = {kind: st.one_of(*[clean[kind]] * 11, unusual[kind]) for kind in clean}
good = {"id": "7", "text": "call", "time": "2026-01-31", "number": 1, "flag": True}


def rows_of(name):
    """Draw valid rows with up to two changed cells each."""
    columns = {column.name: column for column in columns_of(by_name(name))}
    cell = st.sampled_from(sorted(columns)).flatmap(
        lambda column: st.tuples(st.just(column), st.none() | by_kind[columns[column].kind])
    )
    row = {column.name: good[column.kind] for column in columns.values()}
    key = by_name(name).key or "customer_id"
    return st.lists(st.lists(cell, max_size=2).map(dict), min_size=1, max_size=4).map(
        lambda changes: [row | {key: str(n)} | change for n, change in enumerate(changes)]
    )


def read(tables, zone):
    with history_of(tables, Settings(timezone=zone, reject_share=1)) as history:
        cells = {
            name: Counter(map(repr, history.connection.execute(f"SELECT * FROM {name}").fetchall())) for name in tables
        }
        return cells, history.present, history.rows, history.time_range(), history.rejected.count


@settings(max_examples=50, deadline=None)
@given(
    tables=st.sampled_from(["invoices", "interactions", "opportunities", "customers"]).flatmap(
        lambda name: st.fixed_dictionaries({name: rows_of(name)})
    ),
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
)
def test_the_fast_reader_and_the_database_read_the_same(tables, zone):
    # A tuple is always read by the database.
    assert read(tables, zone) == read({name: tuple(rows) for name, rows in tables.items()}, zone)


@settings(max_examples=25, deadline=None)
@given(cells=st.lists(st.none() | st.sampled_from(["A+", "", " b ", 3, 2.5, True, "x\ny"]), min_size=1, max_size=4))
def test_attributes_are_read_the_same(cells):
    rows = [{"customer_id": str(n), "Rating": cell} for n, cell in enumerate(cells)]
    assert read({"customers": rows}, "UTC") == read({"customers": tuple(rows)}, "UTC")


def test_a_request_of_valid_rows_needs_no_database():
    request = {
        "customers": [{"customer_id": "a", "created_at": "2025-01-01", "Rating": "A+"}],
        "orders": [{"customer_id": "a", "order_id": 7, "ordered_at": "2026-01-31T10:00:00Z", "amount": 12}],
        "interactions": [{"customer_id": "a", "occurred_at": "2026-01-30", "channel": "拜访", "sentiment": -0.5}],
        "tickets": [],
    }
    history = history_of(request, complete=False)
    assert set(history.parsed) == {"customers", "orders", "interactions"}
    assert "database" not in vars(history)
    assert history.present["interactions"] == {"customer_id", "occurred_at", "channel", "sentiment"}

"""Law: rows that events add to many customers' columns are those that are merged row by row."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.history.contract import by_name
from rapport.serving.live.event_rows import merged, plain
from rapport.serving.live.event_store import StoredEvent
from rapport.serving.live.merged_tables import cells_of, merged_tables
from rapport.serving.snapshots.contract_rows import rows_of

# Few values, so that events meet rows of the source and each other.
MOMENTS = st.sampled_from([datetime(2026, 1, 1) + timedelta(hours=hours) for hours in range(3)])
CUSTOMERS = ("ann", "bob", "eve")
TABLES = {
    "orders": {
        "order_id": st.sampled_from([None, "1", "2"]), "ordered_at": MOMENTS, "amount": st.sampled_from([1.0, 2.0]),
    },
    "interactions": {"occurred_at": MOMENTS, "channel": st.sampled_from(["call", None])},
}  # fmt: skip


def _rows(table):
    return st.lists(st.fixed_dictionaries(TABLES[table]), max_size=4)


def _known(rows):
    return sorted(
        repr(sorted((name, plain(value)) for name, value in row.items() if value is not None)) for row in rows
    )


@pytest.mark.parametrize("table", sorted(TABLES))
@settings(deadline=None)
@given(data=st.data())
def test_added_rows_are_those_that_are_merged_one_by_one(table, data):
    source = [row | {"customer_id": one} for one in CUSTOMERS for row in data.draw(_rows(table))]
    events: dict[str, list[StoredEvent]] = {}
    for seq, (one, row) in enumerate(
        data.draw(st.lists(st.tuples(st.sampled_from(CUSTOMERS), st.fixed_dictionaries(TABLES[table]))))
    ):
        stored = {name: plain(value) for name, value in row.items()} | {"customer_id": one}
        base = data.draw(st.integers(0, 2))
        events.setdefault(one, []).append(StoredEvent(str(seq), table, one, stored, None, base, seq))
    tables, waiting = merged_tables({table: cells_of(by_name(table), source)}, events)
    for one in CUSTOMERS:
        rows, news = merged(table, [row for row in source if row["customer_id"] == one], events.get(one, ()))
        assert _known(row for row in rows_of(tables[table]) if row["customer_id"] == one) == _known(rows)
        assert waiting.get(one, []) == news

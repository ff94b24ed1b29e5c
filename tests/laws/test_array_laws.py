"""Grouping, lag, lead and joins on arrays agree with plain Python; hash collisions must not matter."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.features.arrays import rows
from rapport.features.arrays.rows import Groups, inner_join
from rapport.features.arrays.value import Program
from rapport.features.arrays.verbs import table

law = settings(max_examples=60, deadline=None)

ids = st.sampled_from([-(2**62), -1, 0, 1, 2, 7, 2**40, 2**62])

# Rows come in any order, in order of all keys, or in order of the first one and of the day.
orders = st.sampled_from([lambda row: row[:0], lambda row: row, lambda row: (row[0], row[2])])
keyed = st.lists(st.tuples(st.integers(-3, 3), ids, st.integers(0, 5)), max_size=12)


@pytest.fixture(autouse=True, params=["good hash", "all hashes collide"])
def _hashing(request, monkeypatch):
    if request.param == "all hashes collide":
        monkeypatch.setattr(rows, "_hash", lambda _, count: np.zeros(count, np.uint64))


def columns(drawn, count):
    return [(np.array([row[key] for row in drawn], np.int64), None) for key in range(count)]


@law
@given(drawn=keyed, order=orders)
def test_groups_are_the_rows_with_equal_keys_each_in_its_order(drawn, order):
    drawn = sorted(drawn, key=order)
    one, two, day = columns(drawn, 3)
    groups = Groups.of([one, two], [day])
    expected = defaultdict(list)
    for row in drawn:
        expected[row[:2]].append(row[2])
    ends = [*groups.starts[1:], groups.count][: len(groups.starts)]
    keys = list(zip(groups.sorted(one[0]), groups.sorted(two[0]), strict=True))
    days = groups.sorted(day[0])
    found = {keys[begin]: days[begin:end].tolist() for begin, end in zip(groups.starts, ends, strict=True)}
    assert found == {key: sorted(days) for key, days in expected.items()}
    merged = groups.merged(np.add, day[0]), groups.merged(np.maximum, day[0])
    assert [list(each) for each in merged] == [[f(found[keys[b]]) for b in groups.starts] for f in (sum, max)]


@law
@given(drawn=keyed, order=orders)
def test_lag_and_lead_of_a_row_are_within_its_group(drawn, order):
    drawn = sorted(dict.fromkeys(drawn), key=order)
    one, two, day = columns(drawn, 3)
    groups = Groups.of([one, two], [day])
    for shift, step in ((groups.lag, -1), (groups.lead, 1)):
        values, missing = shift(day)
        for index, row in enumerate(drawn):
            days = sorted(other[2] for other in drawn if other[:2] == row[:2])
            at = days.index(row[2]) + step
            assert (None if missing[index] else values[index]) == (days[at] if 0 <= at < len(days) else None)


@law
@given(left=keyed, right=keyed, null_row=st.integers(0, 11))
def test_a_join_pairs_the_rows_with_equal_keys_that_are_not_null(left, right, null_row):
    one, two = columns(left, 2), columns(right, 2)
    missing = np.arange(len(left)) == null_row
    pairs = list(zip(*inner_join([one[0], (one[1][0], missing)], two), strict=True))
    assert pairs == [
        (one_index, two_index)
        for one_index, row in enumerate(left)
        for two_index, other in enumerate(right)
        if row[:2] == other[:2] and one_index != null_row
    ]


def test_a_wrong_declaration_fails_when_it_is_compiled():
    orders = table(Program(), "src_orders", ["customer_id", "amount"])
    sold = orders.filter(orders["amount"] > 0)
    with pytest.raises(KeyError, match=r"src_orders has no column amout\. It has amount, customer_id"):
        sold["amout"]
    with pytest.raises(ValueError, match="different rows"):
        sold["amount"] - orders["amount"]
    with pytest.raises(ValueError, match="Columns of other rows: amount"):
        sold.with_columns(amount=orders["amount"])
    with pytest.raises(KeyError, match="There is no column amount, only customer_id"):
        sold.select(customer_id=sold["customer_id"])["amount"]
    with pytest.raises(KeyError, match="amount is neither a key nor an aggregate"):
        sold.group_by("customer_id").rows()["amount"]

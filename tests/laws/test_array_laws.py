"""What grouping, neighbours and joins on arrays say, held to plain Python; numbers that mix alike must not matter."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapport.features.arrays import rows
from rapport.features.arrays.rows import Groups, matched

law = settings(max_examples=60, deadline=None)

ids = st.sampled_from([-(2**62), -1, 0, 1, 2, 7, 2**40, 2**62])

# As rows may come: in any order, in order of all keys, or in order of the first one and of the day.
orders = st.sampled_from([lambda row: row[:0], lambda row: row, lambda row: (row[0], row[2])])
keyed = st.lists(st.tuples(st.integers(-3, 3), ids, st.integers(0, 5)), max_size=12)


@pytest.fixture(autouse=True, params=["mixed well", "all mixed to the same"])
def _mixing(request, monkeypatch):
    if request.param == "all mixed to the same":
        monkeypatch.setattr(rows, "_mixed", lambda _, count: np.zeros(count, np.uint64))


def columns(drawn, count):
    return [(np.array([row[place] for row in drawn], np.int64), None) for place in range(count)]


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
def test_the_neighbours_of_a_row_are_those_of_its_group(drawn, order):
    drawn = sorted(dict.fromkeys(drawn), key=order)
    one, two, day = columns(drawn, 3)
    groups = Groups.of([one, two], [day])
    for beside, step in ((groups.before, -1), (groups.after, 1)):
        values, missing = beside(day)
        for place, row in enumerate(drawn):
            days = sorted(other[2] for other in drawn if other[:2] == row[:2])
            at = days.index(row[2]) + step
            assert (None if missing[place] else values[place]) == (days[at] if 0 <= at < len(days) else None)


@law
@given(left=keyed, right=keyed, gone=st.integers(0, 11))
def test_a_join_pairs_the_rows_whose_known_keys_are_equal(left, right, gone):
    one, two = columns(left, 2), columns(right, 2)
    missing = np.arange(len(left)) == gone
    pairs = list(zip(*matched([one[0], (one[1][0], missing)], two), strict=True))
    assert pairs == [
        (here, there)
        for here, row in enumerate(left)
        for there, other in enumerate(right)
        if row[:2] == other[:2] and here != gone
    ]

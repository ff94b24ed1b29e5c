"""The customer tree: features of a customer's parent, siblings and children, each counted once."""

import pytest
from drawn_tables import CUTOFF, history

from rapport.durations import Duration
from rapport.features import Vocabulary, catalog, snapshot, training_rows

TREE = catalog(Vocabulary(attributes=("parent_id",)))
RELATIVES = [feature.name for feature in TREE.features if feature.relatives]

DRAWN = """
    customers
    customer_id | parent_id | created_at
    top         |           | 2020-01-01
    ann         | top       | 2020-01-01
    bob         | top       | 2020-01-01
    cid         | top       | 2020-01-01
    kid         | ann       | 2020-01-01
    late        | top       | 2026-01-01
    one         | two       | 2020-01-01
    two         | one       | 2020-01-01
    self        | self      | 2020-01-01

    orders
    customer_id | order_id | ordered_at | amount
    top         | 1        | 2025-12-02 | 1000
    ann         | 2        | 2025-12-22 | 10
    bob         | 3        | 2025-12-12 | 100
    cid         | 4        | 2024-01-01 | 7
    kid         | 5        | 2025-11-02 | 5
    late        | 6        | 2025-12-31 | 50000
    two         | 7        | 2025-12-31 | 3

    tickets
    customer_id | ticket_id | opened_at  | kind
    bob         | 1         | 2025-12-01 | complaint
    ann         | 2         | 2025-12-01 | complaint
    """


@pytest.mark.parametrize("small", [10**9, -1], ids=["arrays", "database"])
def test_relatives_are_parent_siblings_and_children_each_once(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapport.features.feature_table.snapshot.SMALL_HISTORY_ROWS", small)
    with history(DRAWN) as read:
        rows = snapshot(read, CUTOFF, TREE, active=Duration(12)).to_pylist()
    assert {row["customer_id"]: [row[name] for name in RELATIVES] for row in rows} == {
        "top": [3, 2, 1, 110, 9, 2, None],
        "ann": [4, 3, 1, 1105, 19, 1, 1],
        "bob": [3, 2, 1, 1010, 9, 1, 1],
        "cid": [3, 3, 0, 1110, 9, 2, 1],
        "kid": [1, 1, 0, 10, 9, 1, 1],
        # Its row of customers, which links it to the tree, is not known yet.
        "late": [0, 0, 0, 0, None, 0, None],
        "one": [1, 1, 0, 3, 0, 0, 1],
        "two": [1, 0, 0, 0, None, 0, None],
        "self": [0, 0, 0, 0, None, 0, None],
    }


def test_the_tree_of_a_slice_is_the_tree_at_its_cutoff() -> None:
    cutoff = CUTOFF.replace(year=2025, month=12, day=20)
    with history(DRAWN) as read:
        alone = {row["customer_id"]: row for row in snapshot(read, cutoff, TREE, active=Duration(12)).to_pylist()}
        slices = training_rows(
            read,
            "churn",
            [cutoff.replace(day=5), cutoff],
            active=Duration(12),
            horizon=Duration(days=5),
            known_by=CUTOFF,
            features=TREE,
        ).to_pylist()
    mine = {row["customer_id"]: row for row in slices if row["cutoff"] == cutoff}
    assert set(mine) == {"top", "bob", "kid"}
    assert {id_: [row[name] for name in RELATIVES] for id_, row in mine.items()} == {
        id_: [alone[id_][name] for name in RELATIVES] for id_ in mine
    }
    assert [mine["bob"][name] for name in RELATIVES] == [3, 1, 1, 1000, 17, 1, 1]


def test_a_company_that_keeps_no_tickets_knows_nothing_of_complaints_and_without_customers_of_no_relative() -> None:
    with history(DRAWN) as read:
        rows = [
            snapshot(read, CUTOFF, TREE, active=Duration(12), present=tables).to_pylist()[0]
            for tables in (["orders", "customers"], ["orders", "tickets"])
        ]
    assert [[row[name] for name in RELATIVES] for row in rows] == [[4, 3, 1, 1105, 19, None, 1], [None] * 7]


def test_the_tree_is_used_only_by_a_company_that_says_it_never_changes() -> None:
    assert set(RELATIVES).isdisjoint(catalog().names)

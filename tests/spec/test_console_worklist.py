"""Whom the worklist shows, in which order, and how far the capacity reaches."""

from datetime import date

import pyarrow as pa
import pytest
from rapport.serving.console.book import Book
from rapport.serving.console.pages.worklist import next_step, standing
from rapport.serving.console.worklist import PAGE, Query, Worklist, choices, worklist

TABLE = """
id | name          | owner | tier    | p    | p30  | at_risk | saved
a  | Alder & Sons  | mei   | at_risk | 0.60 | 0.40 | 100     | 30
b  | Birch         | tom   | at_risk | 0.80 | 0.79 | 300     | 20
c  | Cedar GmbH    | mei   | key     | 0.30 | 0.45 | 900     | 10
d  | Dogwood alder | tom   | key     | 0.30 |      | 50      |
"""


def _drawn(table: str) -> Book:
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    columns = {name: [line[place] for line in lines[1:]] for place, name in enumerate(lines[0])}

    def numbers(name: str) -> pa.Array:
        return pa.array([float(cell) if cell else None for cell in columns[name]], pa.float64())

    words = {"customer_id": columns["id"], "name": columns["name"], "owner": columns["owner"], "tier": columns["tier"]}
    return Book(
        pa.table(
            {
                **words,
                "probability": numbers("p"),
                "probability_30d": numbers("p30"),
                "value_at_risk": numbers("at_risk"),
                "expected_saved": numbers("saved"),
            }
        )
    )


def _ids(found: Worklist, book: Book) -> str:
    return "".join(book.text("customer_id", int(row)) for row in found.rows)


@pytest.fixture
def book() -> Book:
    return _drawn(TABLE)


@pytest.fixture
def asked(book):
    def ask(key_of=None, marks=None, **params) -> str:
        return _ids(worklist(book, Query.of(params), owner=key_of, marks=marks or {}, capacity=2), book)

    return ask


def test_customers_are_sorted_by_what_a_call_may_save_and_by_value_at_risk_where_that_is_unknown(asked):
    assert asked() == "dabc"


def test_another_order_can_be_asked_for(asked):
    assert asked(sort="probability") == "bacd"
    assert asked(sort="value_at_risk") == "cbad"
    assert asked(sort="movement") == "abcd"


def test_filters_join(asked):
    assert asked(owner="mei") == "ac"
    assert asked(tier="key") == "dc"
    assert asked(tier="key", movement="falling") == "c"
    assert asked(movement="rising") == "a"
    assert asked(movement="steady") == "b"
    assert asked(movement="unknown") == "d"


def test_a_search_looks_at_names_in_any_case(asked):
    assert asked(q="ALDER") == "da"
    assert asked(q="gmbh") == "c"


def test_an_owner_sees_only_their_own_customers(asked, book):
    assert asked(key_of="tom") == "db"
    assert asked(key_of="tom", owner="mei") == ""
    assert choices(book, "tom")["tier"] == [("at_risk", 1), ("key", 1)]


def test_capacity_counts_the_first_rows_and_adds_what_they_may_save(book):
    found = worklist(book, Query.of({}), owner=None, marks={}, capacity=2)
    assert (found.within, found.saved_within, found.at_risk) == (2, 80.0, 1350.0)


def test_marked_customers_leave_the_open_list_and_can_be_asked_for(asked):
    marks = {"a": {"verdict": "done"}, "b": {"verdict": "snoozed"}, "zz": {"verdict": "done"}}
    assert asked(marks=marks) == "dc"
    assert asked(marks=marks, mark="done") == "a"
    assert asked(marks=marks, mark="snoozed") == "b"
    assert asked(marks=marks, mark="all") == "dabc"


def test_unknown_words_in_the_address_fall_back_to_the_default(asked):
    assert asked(sort="'; drop", mark="?", movement="?", page="-1") == "dabc"
    assert asked(tier="no such tier") == ""


def test_a_page_beyond_the_last_is_the_last():
    many = pa.table({"customer_id": [str(n) for n in range(PAGE + 1)], "probability": [0.5] * (PAGE + 1)})
    found = worklist(Book(many), Query.of({"page": "99"}), owner=None, marks={}, capacity=1)
    assert (found.page, found.pages, len(found.shown)) == (2, 2, 1)


def test_a_mark_closes_a_row_for_a_while():
    said = {
        "done lately": {"verdict": "done", "at": "2026-10-20T08:00:00", "until": None},
        "done long ago": {"verdict": "done", "at": "2026-09-20T08:00:00", "until": None},
        "snoozed till tomorrow": {"verdict": "snoozed", "at": "2026-10-20T08:00:00", "until": "2026-11-02"},
        "snoozed till today": {"verdict": "snoozed", "at": "2026-10-20T08:00:00", "until": "2026-11-01"},
        "right": {"verdict": "right", "at": "2026-10-31T08:00:00", "until": None},
    }
    assert set(standing(said, date(2026, 11, 1))) == {"done lately", "snoozed till tomorrow"}


@pytest.mark.parametrize(
    ("told", "step"),
    [
        ("rhythm 0.9 call", "call"),
        ("rhythm 0.9 call, service 0.4 solve", "solve"),
        ("rhythm 0.9 call, service 0.2 solve", "call"),
        ("value 0.9, recency 0.5 ask, payment 0.3 talk", "talk"),
        ("service 0.9 solve, rhythm 0.8 call", "solve"),
        ("value 0.9", ""),
        ("", ""),
    ],
)
def test_the_next_step_says_more_than_to_call_where_there_is_more_to_say(told, step):
    words = [each.split() for each in told.split(", ") if each]
    reasons = [{"family": one[0], "evidence": float(one[1]), "advice": [*one, None][2]} for one in words]
    assert next_step(reasons) == step

"""The worklist: filters, ranking, feedback states and capacity."""

from datetime import date

import pyarrow as pa
import pytest

from rapport.serving.console.pages.worklist import active_feedback, recommended_step
from rapport.serving.console.portfolio_columns import PortfolioColumns
from rapport.serving.console.worklist import PAGE_SIZE, Worklist, WorklistQuery, build_worklist, filter_options

TABLE = """
id | name          | owner | tier    | p    | p30  | at_risk | saved
a  | Alder & Sons  | mei   | at_risk | 0.60 | 0.40 | 100     | 30
b  | Birch         | tom   | at_risk | 0.80 | 0.79 | 300     | 20
c  | Cedar GmbH    | mei   | key     | 0.30 | 0.45 | 900     | 10
d  | Dogwood alder | tom   | key     | 0.30 |      | 50      |
"""


def _portfolio_of(table: str) -> PortfolioColumns:
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    columns = {name: [line[place] for line in lines[1:]] for place, name in enumerate(lines[0])}

    def numbers(name: str) -> pa.Array:
        return pa.array([float(cell) if cell else None for cell in columns[name]], pa.float64())

    texts = {"customer_id": columns["id"], "name": columns["name"], "owner": columns["owner"], "tier": columns["tier"]}
    return PortfolioColumns(
        pa.table(
            {
                **texts,
                "probability": numbers("p"),
                "probability_30d": numbers("p30"),
                "value_at_risk": numbers("at_risk"),
                "expected_saved": numbers("saved"),
            }
        )
    )


def _ids(found: Worklist, portfolio: PortfolioColumns) -> str:
    return "".join(portfolio.text("customer_id", int(row)) for row in found.rows)


@pytest.fixture
def portfolio() -> PortfolioColumns:
    return _portfolio_of(TABLE)


@pytest.fixture
def listed(portfolio):
    def ids(key_of=None, logged=None, **params) -> str:
        query = WorklistQuery.of(params)
        found = build_worklist(portfolio, query, owner=key_of, feedback=logged or {}, capacity=2)
        return _ids(found, portfolio)

    return ids


def test_customers_are_ranked_by_expected_savings_else_by_revenue_at_risk(listed):
    assert listed() == "dabc"


def test_other_rankings(listed):
    assert listed(sort="probability") == "bacd"
    assert listed(sort="value_at_risk") == "cbad"
    assert listed(sort="movement") == "abcd"


def test_filters_are_combined(listed):
    assert listed(owner="mei") == "ac"
    assert listed(tier="key") == "dc"
    assert listed(tier="key", movement="falling") == "c"
    assert listed(movement="rising") == "a"
    assert listed(movement="steady") == "b"
    assert listed(movement="unknown") == "d"


def test_a_search_ignores_case(listed):
    assert listed(q="ALDER") == "da"
    assert listed(q="gmbh") == "c"


def test_an_owner_sees_only_their_own_customers(listed, portfolio):
    assert listed(key_of="tom") == "db"
    assert listed(key_of="tom", owner="mei") == ""
    assert filter_options(portfolio, "tom")["tier"] == [("at_risk", 1), ("key", 1)]


def test_capacity_counts_the_first_rows_and_adds_their_expected_savings(portfolio):
    found = build_worklist(portfolio, WorklistQuery.of({}), owner=None, feedback={}, capacity=2)
    assert (found.within_capacity, found.savings_within_capacity, found.revenue_at_risk) == (2, 80.0, 1350.0)


def test_revenue_at_risk_is_the_probable_share_of_its_basis(portfolio):
    basis = portfolio.value_basis * portfolio.numeric("probability")
    assert basis.tolist() == pytest.approx(portfolio.revenue_at_risk.tolist())


def test_customers_with_a_logged_outcome_leave_the_open_list(listed):
    logged = {"a": {"verdict": "done"}, "b": {"verdict": "snoozed"}, "zz": {"verdict": "done"}}
    assert listed(logged=logged) == "dc"
    assert listed(logged=logged, feedback="done") == "a"
    assert listed(logged=logged, mark="snoozed") == "b"
    assert listed(logged=logged, feedback="all") == "dabc"


def test_unknown_query_parameters_fall_back_to_the_default(listed):
    assert listed(sort="'; drop", feedback="?", movement="?", page="-1") == "dabc"
    assert listed(tier="no such tier") == ""


def test_a_page_beyond_the_last_is_the_last():
    many = pa.table({"customer_id": [str(n) for n in range(PAGE_SIZE + 1)], "probability": [0.5] * (PAGE_SIZE + 1)})
    found = build_worklist(
        PortfolioColumns(many), WorklistQuery.of({"page": "99"}), owner=None, feedback={}, capacity=1
    )
    assert (found.page, found.pages, len(found.page_rows)) == (2, 2, 1)


def test_a_logged_outcome_closes_a_row_for_a_while():
    logged = {
        "done lately": {"verdict": "done", "at": "2026-10-20T08:00:00", "until": None},
        "done long ago": {"verdict": "done", "at": "2026-09-20T08:00:00", "until": None},
        "snoozed till tomorrow": {"verdict": "snoozed", "at": "2026-10-20T08:00:00", "until": "2026-11-02"},
        "snoozed till today": {"verdict": "snoozed", "at": "2026-10-20T08:00:00", "until": "2026-11-01"},
        "right": {"verdict": "right", "at": "2026-10-31T08:00:00", "until": None},
    }
    assert set(active_feedback(logged, date(2026, 11, 1))) == {"done lately", "snoozed till tomorrow"}


@pytest.mark.parametrize(
    ("given", "step"),
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
def test_the_recommended_step_is_more_specific_than_a_call_where_the_evidence_is_strong(given, step):
    parts = [each.split() for each in given.split(", ") if each]
    reasons = [{"family": one[0], "evidence": float(one[1]), "advice": [*one, None][2]} for one in parts]
    assert recommended_step(reasons) == step

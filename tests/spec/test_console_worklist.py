"""The worklist: filters, ranking, feedback states and capacity."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from rapport.serving.console.formats import money
from rapport.serving.console.home_figures import scope_figures
from rapport.serving.console.pages.portfolio import portfolio_total
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns
from rapport.serving.console.worklist import Worklist, WorkState, build_worklist, filter_options, list_counts
from rapport.serving.console.worklist_query import FILTERS, PAGE_SIZE, WorklistQuery

TODAY = date(2026, 11, 4)
TABLE = """
id | name          | owner | tier    | p    | p30  | at_risk | saved | list     | renewal    | health | yearly
a  | Alder & Sons  | mei   | at_risk | 0.60 | 0.40 | 100     | 30    | at_risk  | 2026-11-20 | 40     |
b  | Birch         | tom   | at_risk | 0.80 | 0.79 | 300     | 20    | at_risk  | 2026-10-20 | 20     |
c  | Cedar GmbH    | mei   | key     | 0.30 | 0.45 | 900     | 10    | at_risk  | 2027-01-20 | 70     |
d  | Dogwood alder | tom   | key     | 0.30 |      | 50      |       | at_risk  |            | 70     |
e  | Elm           | tom   |         |      |      |         | 5     | win_back |            |        | 400
f  | Fir           | mei   |         |      |      |         | 5     | win_back |            |        | 900
"""


def _portfolio_of(table: str) -> PortfolioColumns:
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    columns = {name: [line[place] for line in lines[1:]] for place, name in enumerate(lines[0])}

    def numbers(name: str) -> pa.Array:
        return pa.array([float(cell) if cell else None for cell in columns[name]], pa.float64())

    def texts(name: str) -> pa.Array:
        return pa.array([cell or None for cell in columns[name]], pa.string())

    return PortfolioColumns(
        pa.table(
            {
                "customer_id": texts("id"),
                "name": texts("name"),
                "owner": texts("owner"),
                "tier": texts("tier"),
                "list": texts("list"),
                "renewal_at": texts("renewal"),
                "probability": numbers("p"),
                "probability_30d": numbers("p30"),
                "revenue_at_risk": numbers("at_risk"),
                "savable": numbers("saved"),
                "health_score": numbers("health"),
                "win_back_value": numbers("yearly"),
            }
        )
    )


def _of_owner(portfolio: PortfolioColumns, owner: str | None) -> Mask:
    return portfolio.category("owner").equals(owner) if owner else np.ones(portfolio.size, dtype=bool)


def _task(status: str, finished: str | None = None, due: str | None = None, outcome: str = "") -> dict[str, object]:
    return {"status": status, "finished_at": finished, "due": due, "outcome": outcome}


def _ids(found: Worklist, portfolio: PortfolioColumns) -> str:
    return "".join(portfolio.text("customer_id", int(row)) for row in found.rows)


@pytest.fixture
def portfolio() -> PortfolioColumns:
    return _portfolio_of(TABLE)


@pytest.fixture
def found(portfolio):
    def build(key_of=None, tasks=None, tags=None, capacity=2, **params) -> Worklist:
        work = WorkState(tasks or {}, tags or {}, TODAY)
        query = WorklistQuery.of(params)
        return build_worklist(portfolio, query, visible=_of_owner(portfolio, key_of), work=work, capacity=capacity)

    return build


@pytest.fixture
def listed(found, portfolio):
    return lambda **asked: _ids(found(**asked), portfolio)


def test_customers_are_ranked_by_savable_money_else_by_revenue_at_risk(listed):
    assert listed() == "dabc"


def test_each_list_has_the_order_of_v1_customers_and_columns_of_its_own(found, listed):
    assert listed(list="win_back") == "fe"
    assert found(list="win_back").win_back_value == 1300
    lapsed, lost = WorklistQuery.of({"list": "win_back"}), WorklistQuery.of({"list": "probably_lost"})
    assert (lapsed.columns, lapsed.sort_param()) == (("last_order", "win_back", "next"), "")
    assert (lost.sort, lost.params(), lost.toggled("saved")) == ("value_at_risk", {"list": "probably_lost"}, "saved")


def test_the_win_back_list_stands_apart(listed, portfolio):
    assert listed(list="all") == "dabc"
    assert list_counts(portfolio, _of_owner(portfolio, None)) == {
        "at_risk": 4,
        "probably_lost": 0,
        "win_back": 2,
        "all": 4,
    }


def test_headers_sort_in_their_natural_direction_then_in_the_other(listed):
    assert listed(sort="probability") == "bacd"
    assert listed(sort="-probability") == "cdab"
    assert listed(sort="value_at_risk") == "cbad"
    assert listed(sort="movement") == "abcd"
    assert listed(sort="health") == "bacd"
    assert listed(sort="name") == "abcd"
    assert listed(sort="-name") == "dcba"
    assert listed(sort="renewal") == "bacd"
    query = WorklistQuery.of({"sort": "name"})
    assert (query.toggled("name"), query.toggled("health"), query.toggled("saved")) == ("-name", "health", "")


def test_filters_are_combined(listed):
    assert listed(owner="mei") == "ac"
    assert listed(tier="key") == "dc"
    assert listed(tier="key", movement="falling") == "c"
    assert listed(movement="rising") == "a"
    assert listed(movement="steady") == "b"
    assert listed(movement="unknown") == "d"
    assert listed(renewal="30") == "a"
    assert listed(renewal="90") == "ac"
    assert listed(renewal="ended") == "b"
    assert listed(tag="fair", tags={"fair": ["c", "nobody"]}) == "c"


def test_a_search_ignores_case(listed):
    assert listed(q="ALDER") == "da"
    assert listed(q="gmbh") == "c"


def test_an_owner_sees_only_their_own_customers(listed, portfolio):
    assert listed(key_of="tom") == "db"
    assert listed(key_of="tom", owner="mei") == ""
    options = filter_options(portfolio, _of_owner(portfolio, "tom"), FILTERS)
    assert options["tier"] == [("at_risk", 1), ("key", 1)]


def test_capacity_counts_down_with_what_is_done_this_week(found):
    rest = found()
    assert (rest.within_capacity, rest.savings_within_capacity, rest.revenue_at_risk) == (2, 80.0, 1350.0)
    done = {"d": _task("done", "2026-11-02T09:00:00+00:00"), "c": _task("done", "2026-10-30T09:00:00+00:00")}
    after = found(tasks=done)
    assert (after.done_this_week, after.within_capacity, after.savings_within_capacity) == (1, 1, 30.0)
    assert found(tasks=done, key_of="mei").done_this_week == 0


def test_groups_stand_together_with_their_totals(found, portfolio):
    grouped = found(group="owner")
    assert _ids(grouped, portfolio) == "dbac"
    assert [(one.name, one.first, one.count, one.revenue_at_risk, one.savable) for one in grouped.groups] == [
        ("tom", 0, 2, 350.0, 70.0),
        ("mei", 2, 2, 1000.0, 40.0),
    ]


def test_revenue_at_risk_is_the_probable_share_of_its_basis(portfolio):
    basis = portfolio.value_basis * portfolio.numeric("probability")
    assert basis[portfolio.scored].tolist() == pytest.approx(portfolio.revenue_at_risk[portfolio.scored].tolist())


def test_customers_with_a_closing_task_leave_the_open_list(listed):
    tasks = {
        "a": _task("done", "2026-11-03T09:00:00+00:00"),
        "b": _task("snoozed", due="2026-11-20"),
        "c": _task("open", due="2026-11-20"),
        "d": _task("done", "2026-11-03T09:00:00+00:00", outcome="wrong_prediction"),
        "zz": _task("done", "2026-11-03T09:00:00+00:00"),
    }
    assert listed(tasks=tasks) == "c"
    assert listed(tasks=tasks, feedback="done") == "a"
    assert listed(tasks=tasks, mark="snoozed") == "b"
    assert listed(tasks=tasks, feedback="not_right") == "d"
    assert listed(tasks=tasks, feedback="all") == "dabc"


def test_unknown_query_parameters_fall_back_to_the_default(listed):
    assert listed(sort="'; drop", feedback="?", movement="?", page="-1", list="?", group="?", columns="?") == "dabc"
    assert listed(tier="no such tier") == ""


def test_a_page_beyond_the_last_is_the_last():
    many = pa.table({"customer_id": [str(n) for n in range(PAGE_SIZE + 1)], "probability": [0.5] * (PAGE_SIZE + 1)})
    work, query = WorkState({}, {}, TODAY), WorklistQuery.of({"page": "99"})
    everyone = np.ones(PAGE_SIZE + 1, dtype=bool)
    found = build_worklist(PortfolioColumns(many), query, visible=everyone, work=work, capacity=1)
    assert (found.page, found.pages, len(found.page_rows)) == (2, 2, 1)


def test_money_that_is_unknown_for_everybody_is_no_zero():
    """Customers by contract without amounts: totals are unknown, as each row is; one known amount makes a total."""
    head, *rows = TABLE.strip().splitlines()
    unknown = [
        "|".join("" if place in (6, 7, 11) else cell for place, cell in enumerate(row.split("|"))) for row in rows[:4]
    ]
    for last, total in (("", None), (rows[3], 50.0)):
        portfolio = _portfolio_of("\n".join([head, *unknown[:3], last or unknown[3]]))
        everybody = np.ones(4, dtype=bool)
        work = WorkState({}, {}, TODAY)
        found = build_worklist(portfolio, WorklistQuery({}, group="owner"), visible=everybody, work=work, capacity=4)
        figures = scope_figures(portfolio, everybody)
        totals = (found.revenue_at_risk, found.savings_within_capacity, figures["revenue_at_risk"], figures["savable"])
        assert [None if np.isnan(each) else each for each in totals] == [total] * 4
        assert portfolio_total(portfolio, everybody).revenue_at_risk == pytest.approx(totals[0], nan_ok=True)
        assert money(found.revenue_at_risk, "CNY", "zh") == ("–" if total is None else "¥50")
        by_owner = [group.revenue_at_risk for group in found.groups]
        assert np.nansum(by_owner) == (total or 0.0)
        assert np.isnan(by_owner).sum() == (2 if total is None else 1)

"""The customers that pass the filters, ranked, and how far this week's contact capacity reaches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from rapport.serving.console.portfolio_columns import FloatColumn, Mask, PortfolioColumns, RowIndexes
from rapport.serving.console.worklist_query import NOTABLE_CHANGE, PAGE_SIZE, STATES, WorklistQuery
from rapport.serving.shapes.task_answers import Task
from rapport.serving.snapshots.feature_columns import known_sum
from rapport.serving.work.tasks import closes_row

LISTS = ("at_risk", "probably_lost", "win_back")


@dataclass(frozen=True)
class WorkState:
    """Each account's latest task, and the accounts of each tag."""

    tasks: Mapping[str, Task]
    tags: Mapping[str, list[str]]
    today: date

    def closed(self) -> dict[str, Task]:
        """Return the tasks that take their accounts off the open list."""
        return {key: task for key, task in self.tasks.items() if closes_row(task, self.today)}


@dataclass(frozen=True)
class Group:
    """One group of the list: its first place, how many rows it has, and their money."""

    name: str
    first: int
    count: int
    revenue_at_risk: float
    savable: float


@dataclass(frozen=True)
class Worklist:
    """The rows that match a query, ranked, and their totals."""

    rows: RowIndexes
    within_capacity: int
    savings_within_capacity: float
    revenue_at_risk: float
    win_back_value: float
    done_this_week: int
    groups: tuple[Group, ...]
    pages: int
    page: int

    @property
    def page_rows(self) -> RowIndexes:
        """Return the rows of this page."""
        return self.rows[(self.page - 1) * PAGE_SIZE : self.page * PAGE_SIZE]


def build_worklist(
    portfolio: PortfolioColumns, query: WorklistQuery, *, visible: Mask, work: WorkState, capacity: int
) -> Worklist:
    """Filter and rank the portfolio; ``capacity`` is the number of contacts a week, those done this week included."""
    closed = work.closed()
    keep = visible & listed(portfolio, query.list_name) & _filtered(portfolio, query, work)
    keep &= _with_state(portfolio, query.state, closed)
    rows = np.flatnonzero(keep)
    rows = rows[_ranking(portfolio, query, rows)]
    rows, groups = _grouped(portfolio, query.group, rows)
    done = _done_this_week(portfolio, visible, closed, work.today)
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    within = rows[: max(0, capacity - done)]
    return Worklist(
        rows=rows,
        within_capacity=len(within),
        savings_within_capacity=known_sum(portfolio.expected_savings[within]),
        revenue_at_risk=known_sum(portfolio.revenue_at_risk[rows]),
        win_back_value=known_sum(portfolio.numeric("win_back_value")[rows]),
        done_this_week=done,
        groups=groups,
        pages=pages,
        page=min(query.page, pages),
    )


def listed(portfolio: PortfolioColumns, name: str) -> Mask:
    """Select the rows of one of the three lists; every scored customer where the run has no lists."""
    if name == "all" or not portfolio.has("list"):
        return portfolio.scored
    return portfolio.category("list").equals(name)


def list_counts(portfolio: PortfolioColumns, visible: Mask) -> dict[str, int]:
    """Count the visible customers of each list; empty where the run has no lists."""
    if not portfolio.has("list"):
        return {}
    return {name: int((visible & listed(portfolio, name)).sum()) for name in (*LISTS, "all")}


def filter_options(
    portfolio: PortfolioColumns, visible: Mask, names: tuple[str, ...]
) -> dict[str, list[tuple[str, int]]]:
    """List for each filter its values and their count of visible customers, most frequent first."""
    return {name: _value_counts(portfolio, name, visible) for name in names}


def _value_counts(portfolio: PortfolioColumns, name: str, seen: Mask) -> list[tuple[str, int]]:
    column = portfolio.category(name)
    counts = np.bincount(column.codes[seen], minlength=len(column.values))
    found = [(value, int(count)) for value, count in zip(column.values, counts, strict=True) if value and count]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:200]


def _filtered(portfolio: PortfolioColumns, query: WorklistQuery, work: WorkState) -> Mask:
    keep = np.ones(portfolio.size, dtype=bool)
    for name, value in query.selected.items():
        keep &= portfolio.category(name).equals(value)
    if query.movement:
        keep &= _moved(portfolio, query.movement)
    if query.renewal:
        keep &= renews_within(portfolio, query.renewal, work.today)
    if query.tag:
        keep &= portfolio.with_ids(work.tags.get(query.tag, ()))
    return keep & portfolio.search(query.text) if query.text else keep


def renews_within(portfolio: PortfolioColumns, days: str, today: date) -> Mask:
    """Select the customers whose contract ends within some days from today, or has ended ("ended")."""
    at, now = portfolio.days("renewal_at"), np.datetime64(today)
    if days == "ended":
        return np.asarray(at < now)
    return np.asarray((at >= now) & (at <= now + np.timedelta64(int(days), "D")))


def _moved(portfolio: PortfolioColumns, movement: str) -> Mask:
    change = portfolio.score_change
    if movement == "unknown":
        return np.isnan(change)
    if movement == "steady":
        return np.abs(change) < NOTABLE_CHANGE
    return change >= NOTABLE_CHANGE if movement == "rising" else change <= -NOTABLE_CHANGE


def _with_state(portfolio: PortfolioColumns, state: str, closed: Mapping[str, Task]) -> Mask:
    if state == "all":
        return np.ones(portfolio.size, dtype=bool)
    states = {key: state_of(task) for key, task in closed.items()}
    if state == "open":
        return ~portfolio.with_ids(states)
    return portfolio.with_ids(key for key, found in states.items() if found == state)


def state_of(task: Task) -> str:
    """Return the state that a closing task gives its row."""
    if task["outcome"] == "wrong_prediction":
        return "not_right"
    return str(task["status"]) if task["status"] in STATES else "done"


def _done_this_week(portfolio: PortfolioColumns, visible: Mask, closed: Mapping[str, Task], today: date) -> int:
    monday = (today - timedelta(days=today.weekday())).isoformat()
    done = (key for key, task in closed.items() if task["status"] == "done" and (task["finished_at"] or "") >= monday)
    return int((visible & portfolio.with_ids(done)).sum())


def _ranking(portfolio: PortfolioColumns, query: WorklistQuery, rows: RowIndexes) -> RowIndexes:
    """Return the order; ties by probability, then by row, so that the order is reproducible."""
    first = _sort_key(portfolio, query.sort)[rows]
    first = np.nan_to_num(first if query.ascending else -first, nan=np.inf)
    second = np.nan_to_num(portfolio.numeric("probability")[rows])
    return np.asarray(np.lexsort((rows, -second, first)), dtype=np.int64)


def _sort_key(portfolio: PortfolioColumns, sort: str) -> FloatColumn:
    derived: Mapping[str, Callable[[], FloatColumn]] = {
        "saved": lambda: np.nan_to_num(portfolio.expected_savings),
        "movement": lambda: portfolio.score_change,
        "value_at_risk": lambda: portfolio.revenue_at_risk,
        "spend": lambda: portfolio.value_basis,
        "health": lambda: portfolio.numeric("health_score"),
        "name": lambda: portfolio.category("name").codes.astype(np.float64),
        "owner": lambda: portfolio.category("owner").codes.astype(np.float64),
        "renewal": lambda: _day_numbers(portfolio, "renewal_at"),
        "due": lambda: _day_numbers(portfolio, "next_action_due" if portfolio.has("next_action_due") else "due"),
        "last_order": lambda: -portfolio.numeric("recency_days"),
        "clv": lambda: portfolio.numeric("clv_3y"),
        "win_back": lambda: portfolio.numeric("win_back_value"),
    }
    return derived[sort]() if sort in derived else portfolio.numeric("probability")


def _day_numbers(portfolio: PortfolioColumns, name: str) -> FloatColumn:
    days = portfolio.days(name)
    return np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(np.float64))


def _grouped(portfolio: PortfolioColumns, by: str, rows: RowIndexes) -> tuple[RowIndexes, tuple[Group, ...]]:
    """Bring the rows of each group together, the group with the most savable money first."""
    if not by:
        return rows, ()
    column = portfolio.category(by)
    codes = column.codes[rows]
    savable = np.bincount(codes, np.nan_to_num(portfolio.expected_savings[rows]), minlength=len(column.values))
    place = np.empty(len(column.values), dtype=np.int64)
    place[np.lexsort((np.arange(len(column.values)), -savable))] = np.arange(len(column.values))
    rows = rows[np.argsort(place[codes], kind="stable")]
    codes = column.codes[rows]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(rows) else np.empty(0, dtype=np.int64)
    ends = np.r_[starts[1:], len(rows)]
    groups = tuple(
        Group(
            column.values[int(codes[start])],
            int(start),
            int(end - start),
            known_sum(portfolio.revenue_at_risk[rows[start:end]]),
            known_sum(portfolio.expected_savings[rows[start:end]]),
        )
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    )
    return rows, groups

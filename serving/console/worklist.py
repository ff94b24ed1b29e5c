"""The customers that pass the filters, ranked, and how far this week's contact capacity reaches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns, RowIndexes

PAGE_SIZE = 50
NOTABLE_CHANGE = 0.05
FILTERS = ("owner", "tier", "segment", "family", "region", "grade")
MOVEMENTS = ("rising", "falling", "steady", "unknown")
SORTS = ("saved", "probability", "value_at_risk", "movement")
FEEDBACK_STATES = ("open", "done", "snoozed", "not_right", "all")


@dataclass(frozen=True)
class WorklistQuery:
    """Filters, order and page of the worklist; unknown values fall back to the default."""

    selected: Mapping[str, str]
    movement: str = ""
    text: str = ""
    sort: str = "saved"
    feedback: str = "open"
    page: int = 1

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "WorklistQuery":
        """Read the query parameters of a URL; ``mark`` is the older name of ``feedback``."""
        page = params.get("page", "1")
        return cls(
            selected={name: params[name] for name in FILTERS if params.get(name)},
            movement=_one_of(params.get("movement", ""), MOVEMENTS, ""),
            text=params.get("q", "").strip()[:100],
            sort=_one_of(params.get("sort", ""), SORTS, "saved"),
            feedback=_one_of(params.get("feedback") or params.get("mark", ""), FEEDBACK_STATES, "open"),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def params(self) -> dict[str, str]:
        """Return the query parameters that differ from the default, without the page."""
        every = {
            **self.selected,
            "movement": self.movement,
            "q": self.text,
            "sort": self.sort,
            "feedback": self.feedback,
        }
        return {name: value for name, value in every.items() if value not in ("", "saved", "open")}


@dataclass(frozen=True)
class Worklist:
    """The rows that match a query, ranked, and their totals."""

    rows: RowIndexes
    within_capacity: int
    savings_within_capacity: float
    revenue_at_risk: float
    pages: int
    page: int

    @property
    def page_rows(self) -> RowIndexes:
        """Return the rows of this page."""
        return self.rows[(self.page - 1) * PAGE_SIZE : self.page * PAGE_SIZE]


def build_worklist(
    portfolio: PortfolioColumns,
    query: WorklistQuery,
    *,
    owner: str | None,
    feedback: Mapping[str, Mapping[str, Any]],
    capacity: int,
) -> Worklist:
    """Filter and rank the portfolio; ``capacity`` is the number of contacts a week."""
    keep = visible_rows(portfolio, owner) & _filtered(portfolio, query)
    keep &= _with_feedback(portfolio, query.feedback, feedback)
    rows = np.flatnonzero(keep)
    rows = rows[_ranking(portfolio, query.sort, rows)]
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    within = rows[:capacity]
    return Worklist(
        rows=rows,
        within_capacity=len(within),
        savings_within_capacity=float(portfolio.expected_savings[within].sum()),
        revenue_at_risk=float(np.nansum(portfolio.revenue_at_risk[rows])),
        pages=pages,
        page=min(query.page, pages),
    )


def visible_rows(portfolio: PortfolioColumns, owner: str | None) -> Mask:
    """Select the customers that a viewer may see: all, or those of one owner."""
    return np.ones(portfolio.size, dtype=bool) if owner is None else portfolio.category("owner").equals(owner)


def filter_options(portfolio: PortfolioColumns, owner: str | None) -> dict[str, list[tuple[str, int]]]:
    """List for each filter its values and their count of visible customers, most frequent first."""
    seen = visible_rows(portfolio, owner)
    return {name: _value_counts(portfolio, name, seen) for name in FILTERS}


def _value_counts(portfolio: PortfolioColumns, name: str, seen: Mask) -> list[tuple[str, int]]:
    column = portfolio.category(name)
    counts = np.bincount(column.codes[seen], minlength=len(column.values))
    found = [(value, int(count)) for value, count in zip(column.values, counts, strict=True) if value and count]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:200]


def _filtered(portfolio: PortfolioColumns, query: WorklistQuery) -> Mask:
    keep = np.ones(portfolio.size, dtype=bool)
    for name, value in query.selected.items():
        keep &= portfolio.category(name).equals(value)
    if query.movement:
        keep &= _moved(portfolio, query.movement)
    return keep & portfolio.search(query.text) if query.text else keep


def _moved(portfolio: PortfolioColumns, movement: str) -> Mask:
    change = portfolio.score_change
    if movement == "unknown":
        return np.isnan(change)
    if movement == "steady":
        return np.abs(change) < NOTABLE_CHANGE
    return change >= NOTABLE_CHANGE if movement == "rising" else change <= -NOTABLE_CHANGE


def _with_feedback(portfolio: PortfolioColumns, state: str, feedback: Mapping[str, Mapping[str, Any]]) -> Mask:
    if state == "all":
        return np.ones(portfolio.size, dtype=bool)
    verdicts = {key: str(note["verdict"]) for key, note in feedback.items() if note["verdict"] in FEEDBACK_STATES[1:-1]}
    if state == "open":
        return ~portfolio.with_ids(verdicts)
    return portfolio.with_ids(key for key, verdict in verdicts.items() if verdict == state)


def _ranking(portfolio: PortfolioColumns, sort: str, rows: RowIndexes) -> RowIndexes:
    """Return the order, highest first; ties by probability, then by row, so that the order is reproducible."""
    probability = portfolio.numeric("probability")
    keys = {
        "saved": portfolio.expected_savings,
        "movement": portfolio.score_change,
        "value_at_risk": portfolio.revenue_at_risk,
    }
    first = np.nan_to_num(keys.get(sort, probability)[rows], nan=-np.inf)
    second = np.nan_to_num(probability[rows])
    return np.asarray(np.lexsort((rows, -second, -first)), dtype=np.int64)


def _one_of(value: str, allowed: tuple[str, ...], default: str) -> str:
    return value if value in allowed else default

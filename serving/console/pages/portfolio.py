"""Customer analytics: where the risk is, how it moves, and how long customers stay."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.responses import Response

from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import FloatColumn, Mask, PortfolioColumns, RowIndexes
from rapport.serving.console.worklist import filter_options
from rapport.serving.console.worklist_query import FILTERS
from rapport.serving.snapshots.feature_columns import known_mean, known_sum

_BREAKDOWNS = ("family", "segment", "owner", "region")
_FILTERS = ("owner", "segment", "region", "industry", "health_grade", "lead_grade")
_SHOWN_GROUPS = 9
_COHORT_QUARTERS = 9
_COHORTS = 12
_RISK_EVENTS = 5

Facts = dict[str, object]


def show(page: PageContext) -> Response:
    """Show totals and breakdowns of the visible customers."""
    portfolio, views = page.portfolio, page.application.population_tables()
    chosen = {name: page.request.query_params.get(name, "")[:200] for name in _FILTERS}
    chosen = {name: value for name, value in chosen.items() if value}
    listed = np.logical_and.reduce([page.visible, *(portfolio.category(name).equals(chosen[name]) for name in chosen)])
    seen = listed & portfolio.scored
    return page.render(
        "portfolio.html",
        total=portfolio_total(portfolio, seen),
        tiers=tier_summaries(portfolio, seen, tuple(page.own_labels.get("tier", {}))),
        histogram=histogram(portfolio, seen),
        breakdowns={by: group_summaries(portfolio, seen, by) for by in _BREAKDOWNS},
        shown_groups=_SHOWN_GROUPS,
        filters=FILTERS,
        chosen=chosen,
        choices={
            name: values
            for name, values in filter_options(portfolio, page.visible & portfolio.scored, _FILTERS).items()
            if len(values) > 1
        },
        cells=rfm_grid(portfolio, seen),
        movers={days: _movers(portfolio, seen, days) for days in (7, 30)},
        whole_company=page.viewer.owners is None and not chosen,
        cohorts=(views.get("cohorts") or [])[-_COHORTS:],
        cohort_width=_COHORT_QUARTERS,
        industries=[row for row in views.get("industries") or [] if page.target == "churn"],
        risk=_gravest([row for row in views.get("risk") or [] if _is_in(portfolio, listed, row)]),
    )


def _movers(portfolio: PortfolioColumns, seen: Mask, days: int) -> tuple[list[Facts], list[Facts]]:
    before, after = portfolio.numeric(f"probability_{days}d"), portfolio.numeric("probability")

    def records(rows: Iterable[int]) -> list[dict[str, object]]:
        return [
            {
                "customer_id": portfolio.text("customer_id", row),
                "name": portfolio.text("name", row),
                "before": float(before[row]),
                "after": float(after[row]),
            }
            for row in rows
        ]

    up, down = top_movers(portfolio, seen, days)
    return records(up), records(down)


def _is_in(portfolio: PortfolioColumns, listed: Mask, row: Mapping[str, object]) -> bool:
    place = portfolio.row_of_id.get(str(row["customer_id"]))
    return place is not None and bool(listed[place])


def _gravest(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the gravest rows: grave events first, then the largest amounts."""
    return sorted(rows, key=lambda row: (not row.get("grave"), -(row.get("amount") or 0.0)))[:_RISK_EVENTS]


_HISTOGRAM_BINS = 20
# A smaller change would read "20% → 20%".
_SHOWN_CHANGE = 0.01


@dataclass(frozen=True)
class TierSummary:
    """One tier now and 30 days ago, and the tiers from which its customers came."""

    name: str
    count: int
    count_before: int
    revenue_at_risk: float
    origins: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class GroupSummary:
    """One group of the portfolio: an owner, a region, a segment, a family of reasons."""

    name: str
    count: int
    revenue_at_risk: float
    mean_probability: float


@dataclass(frozen=True)
class RfmCell:
    """One cell of the RFM grid."""

    r: int
    f: int
    count: int
    value: float
    mean_probability: float


def portfolio_total(portfolio: PortfolioColumns, seen: Mask) -> GroupSummary:
    """Add up all visible customers."""
    return GroupSummary(
        "",
        int(seen.sum()),
        known_sum(portfolio.revenue_at_risk[seen]),
        known_mean(portfolio.numeric("probability")[seen]),
    )


def tier_summaries(portfolio: PortfolioColumns, seen: Mask, order: Sequence[str]) -> list[TierSummary]:
    """Count each tier now and 30 days ago, in the ``order`` of the company's card, best first."""
    now, before = portfolio.category("tier"), portfolio.category("tier_30d")
    found = []
    for name in tier_order({now.values[code] for code in np.unique(now.codes[seen]) if code}, order):
        here = seen & now.equals(name)
        moved = ((other, int((here & before.equals(other)).sum())) for other in before.values[1:] if other != name)
        found.append(
            TierSummary(
                name,
                int(here.sum()),
                int((seen & before.equals(name)).sum()),
                known_sum(portfolio.revenue_at_risk[here]),
                tuple(sorted(((other, n) for other, n in moved if n), key=lambda pair: -pair[1])),
            )
        )
    return found


def tier_order(names: set[str], order: Sequence[str]) -> list[str]:
    """Sort tier names as the card orders them; others, as of an earlier card, follow by name."""
    rank = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (rank.get(name, len(rank)), name))


def group_summaries(portfolio: PortfolioColumns, seen: Mask, by: str) -> list[GroupSummary]:
    """Add up revenue at risk by one category, largest first; customers without a value are the last group, ""."""
    column = portfolio.category(by)
    codes, width = column.codes[seen], len(column.values)
    counts = np.bincount(codes, minlength=width)
    risk = np.bincount(codes, np.nan_to_num(portfolio.revenue_at_risk[seen]), minlength=width)
    probability = np.bincount(codes, np.nan_to_num(portfolio.numeric("probability")[seen]), minlength=width)
    order = [int(code) for code in np.lexsort((np.arange(width), -risk)) if counts[code] and code]
    return [
        GroupSummary(column.values[c], int(counts[c]), float(risk[c]), float(probability[c] / counts[c]))
        for c in [*order, *([0] if counts[0] else [])]
    ]


def histogram(portfolio: PortfolioColumns, seen: Mask) -> list[int]:
    """Count customers in twenty equal bins of probability."""
    probability = portfolio.numeric("probability")[seen]
    counts, _ = np.histogram(probability[~np.isnan(probability)], bins=_HISTOGRAM_BINS, range=(0.0, 1.0))
    return [int(count) for count in counts]


def rfm_grid(portfolio: PortfolioColumns, seen: Mask) -> list[RfmCell]:
    """Return the 25 cells of recency by frequency, best recency first."""
    r, f = portfolio.numeric("r"), portfolio.numeric("f")
    value, probability = portfolio.numeric("value"), portfolio.numeric("probability")
    cells = []
    for recency in (5, 4, 3, 2, 1):
        for frequency in (1, 2, 3, 4, 5):
            here = seen & (r == recency) & (f == frequency)
            cells.append(
                RfmCell(recency, frequency, int(here.sum()), known_sum(value[here]), known_mean(probability[here]))
            )
    return cells


def top_movers(portfolio: PortfolioColumns, seen: Mask, days: int, count: int = 6) -> tuple[RowIndexes, RowIndexes]:
    """Return the rows whose probability rose and fell most in ``days`` days, largest change first."""
    before = portfolio.numeric(f"probability_{days}d")
    change = np.where(seen, portfolio.numeric("probability") - before, np.nan)
    known = np.flatnonzero(~np.isnan(change))
    order = known[np.argsort(change[known], kind="stable")]
    return _with_sign(order[::-1][:count], change, 1.0), _with_sign(order[:count], change, -1.0)


def _with_sign(rows: RowIndexes, change: FloatColumn, sign: float) -> RowIndexes:
    return np.asarray(rows[change[rows] * sign >= _SHOWN_CHANGE], dtype=np.int64)

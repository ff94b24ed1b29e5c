"""Customer analytics: where the risk is, how it moves, and how long customers stay."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from starlette.responses import Response

from rapport.serving.console import portfolio_summary
from rapport.serving.console.page_context import PageContext
from rapport.serving.console.portfolio_columns import Mask, PortfolioColumns
from rapport.serving.console.worklist import filter_options
from rapport.serving.console.worklist_query import FILTERS

_BREAKDOWNS = ("family", "segment", "owner", "region")
_FILTERS = ("owner", "segment", "region", "industry", "health_grade", "lead_grade")
_SHOWN_GROUPS = 9
_COHORT_QUARTERS = 9
_COHORTS = 12
_RISK_EVENTS = 5


def show(page: PageContext) -> Response:
    """Show totals and breakdowns of the visible customers."""
    portfolio, views = page.portfolio, page.application.population_tables()
    chosen = {name: page.request.query_params.get(name, "")[:200] for name in _FILTERS}
    chosen = {name: value for name, value in chosen.items() if value}
    listed = np.logical_and.reduce([page.visible, *(portfolio.category(name).equals(chosen[name]) for name in chosen)])
    seen = listed & portfolio.scored
    return page.render(
        "portfolio.html",
        total=portfolio_summary.portfolio_total(portfolio, seen),
        tiers=portfolio_summary.tier_summaries(portfolio, seen, tuple(page.own_labels.get("tier", {}))),
        histogram=portfolio_summary.histogram(portfolio, seen),
        breakdowns={by: portfolio_summary.group_summaries(portfolio, seen, by) for by in _BREAKDOWNS},
        shown_groups=_SHOWN_GROUPS,
        filters=FILTERS,
        chosen=chosen,
        choices={
            name: values
            for name, values in filter_options(portfolio, page.visible & portfolio.scored, _FILTERS).items()
            if len(values) > 1
        },
        cells=portfolio_summary.rfm_grid(portfolio, seen),
        movers={days: _movers(portfolio, seen, days) for days in (7, 30)},
        whole_company=page.viewer.owners is None and not chosen,
        cohorts=(views.get("cohorts") or [])[-_COHORTS:],
        cohort_width=_COHORT_QUARTERS,
        industries=[row for row in views.get("industries") or [] if page.target == "churn"],
        risk=_gravest([row for row in views.get("risk") or [] if _is_in(portfolio, listed, row)]),
    )


def _movers(portfolio: PortfolioColumns, seen: Mask, days: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
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

    up, down = portfolio_summary.top_movers(portfolio, seen, days)
    return records(up), records(down)


def _is_in(portfolio: PortfolioColumns, listed: Mask, row: Mapping[str, object]) -> bool:
    place = portfolio.row_of_id.get(str(row["customer_id"]))
    return place is not None and bool(listed[place])


def _gravest(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the gravest rows: grave events first, then the largest amounts."""
    return sorted(rows, key=lambda row: (not row.get("grave"), -(row.get("amount") or 0.0)))[:_RISK_EVENTS]

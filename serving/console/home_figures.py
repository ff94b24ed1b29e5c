"""The figures of the home page, added up over the customers that a viewer may see."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.serving.console.portfolio_columns import FloatColumn, Mask, PortfolioColumns
from rapport.serving.console.worklist import renews_within
from rapport.serving.snapshots.feature_columns import known_mean, known_sum

_KEY_ACCOUNTS = 10
_KEY_SHARE = 0.8
_RENEWAL_DAYS = (30, 60, 90)
_MIN_SHARE_OF_CUSTOMERS = 0.5


def scope_figures(portfolio: PortfolioColumns, rows: Mask) -> dict[str, float]:
    """Return the count, money, mean health and its change over the customers that had a health 30 days ago."""
    health, before = portfolio.numeric("health_score"), portfolio.numeric("health_before_30d")
    both = rows & ~np.isnan(health) & ~np.isnan(before)
    return {
        "count": int(rows.sum()),
        "revenue_at_risk": known_sum(portfolio.revenue_at_risk[rows]),
        "spend": known_sum(portfolio.value_basis[rows]),
        # A contact that costs more than it saves is not made.
        "savable": known_sum(np.maximum(portfolio.expected_savings[rows], 0.0)),
        "probability": known_mean(portfolio.numeric("probability")[rows]),
        "health": known_mean(health[rows]),
        # The same customers at both days, so that new and lost ones do not move it.
        "health_change": known_mean((health - before)[both]),
    }


def by_group(portfolio: PortfolioColumns, seen: Mask, by: str) -> list[dict[str, object]]:
    """Return the figures of each group."""
    column = portfolio.category(by)
    return [
        {"name": value, **scope_figures(portfolio, rows)}
        for value in column.values[1:]
        if (rows := seen & column.equals(value)).any()
    ]


def score_trend(portfolio: PortfolioColumns, seen: Mask, past: pa.Table | None, as_of: str) -> list[dict[str, object]]:
    """Return revenue at risk and mean health of today's customers at each archived day and now.

    Both are of the customers that were scored on that day, scaled to all of today's spend: a change of the mix of
    customers does not move them. Days on which few of them were scored are left out.
    """
    points: list[dict[str, object]] = []
    if past is not None and past.num_rows:
        rows = _rows_in(portfolio, past)
        known = (rows >= 0) & seen[np.maximum(rows, 0)]
        days = np.array(past["as_of"].to_pylist(), dtype=object)
        probability = _numbers(past, "probability")
        health = _numbers(past, "health_score")
        for day in sorted({str(one) for one in days[known]}):
            chosen = known & (days == day) & ~np.isnan(probability)
            if chosen.sum() >= _MIN_SHARE_OF_CUSTOMERS * seen.sum():
                points.append(_point(portfolio, seen, day, rows[chosen], probability[chosen], health[chosen]))
    now = np.flatnonzero(seen)
    probability, health = portfolio.numeric("probability")[now], portfolio.numeric("health_score")[now]
    return [*points, _point(portfolio, seen, str(as_of)[:10], now, probability, health)]


def _point(
    portfolio: PortfolioColumns, seen: Mask, day: str, rows: Any, probability: FloatColumn, health: FloatColumn
) -> dict[str, Any]:
    spend = np.nan_to_num(portfolio.value_basis)
    covered = spend[rows].sum()
    share = float((probability * spend[rows]).sum() / covered) if covered else float("nan")
    return {"day": day, "revenue_at_risk": share * float(spend[seen].sum()), "health": known_mean(health)}


def grade_counts(portfolio: PortfolioColumns, seen: Mask, order: Sequence[str]) -> list[dict[str, Any]]:
    """Count each health grade now and 30 days ago, in the company's order."""
    now, before = portfolio.category("health_grade"), portfolio.category("grade_30d")
    names = in_order(now.values[1:], order)
    counts = [
        {
            "name": name,
            "count": int((seen & now.equals(name)).sum()),
            "before": int((seen & before.equals(name)).sum()) if portfolio.has("grade_30d") else None,
        }
        for name in names
    ]
    return [one for one in counts if one["count"] or one["before"]]


def in_order(grades: Iterable[str], order: Sequence[str]) -> list[str]:
    """Return health grades in the company's ``order``; those that it no longer has follow by name."""
    return sorted(grades, key=lambda name: (order.index(name) if name in order else len(order), name))


def renewals(portfolio: PortfolioColumns, visible: Mask, today: date) -> list[dict[str, Any]]:
    """Return the contracts that end within 30, 60 and 90 days: how many, their spend and revenue at risk."""
    if not portfolio.has("renewal_at"):
        return []
    found = []
    for days in _RENEWAL_DAYS:
        rows = visible & renews_within(portfolio, str(days), today)
        found.append({"days": days, **scope_figures(portfolio, rows)})
    return found


def key_accounts(portfolio: PortfolioColumns, seen: Mask) -> dict[str, object]:
    """Return the largest accounts, and how many accounts bring 80 % of the spend."""
    spend = np.where(seen, np.nan_to_num(portfolio.value_basis), 0.0)
    total = float(spend.sum())
    order = np.argsort(-spend, kind="stable")
    sums = np.cumsum(spend[order])
    count = int(np.searchsorted(sums, _KEY_SHARE * total) + 1) if total else 0
    rows = [int(row) for row in order[:_KEY_ACCOUNTS] if spend[row] > 0]
    return {
        "count": count,
        "share": count / max(1, int(seen.sum())),
        "rows": [
            {
                "customer_id": portfolio.text("customer_id", row),
                "name": portfolio.text("name", row),
                "spend": float(spend[row]),
                "probability": float(portfolio.numeric("probability")[row]),
                "health_grade": portfolio.category("health_grade").at(row),
                "revenue_at_risk": float(portfolio.revenue_at_risk[row]),
            }
            for row in rows
        ],
    }


def day_figures(portfolio: PortfolioColumns, seen: Mask, day: pa.Table) -> dict[str, object]:
    """Return the figures of an archived day over the customers scored then, as the pages of that day showed them."""
    rows = _rows_in(portfolio, day)
    chosen = (rows >= 0) & seen[np.maximum(rows, 0)] & ~np.isnan(_numbers(day, "probability"))
    grades = day["health_grade"].filter(pa.array(chosen)).to_pylist() if "health_grade" in day.column_names else []
    return {
        "count": int(chosen.sum()),
        "revenue_at_risk": known_sum(_numbers(day, "value_at_risk")[chosen]),
        "probability": known_mean(_numbers(day, "probability")[chosen]),
        "health": known_mean(_numbers(day, "health_score")[chosen]),
        "grades": Counter(grade for grade in grades if grade),
    }


def _rows_in(portfolio: PortfolioColumns, table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the row of each customer of a table in the portfolio, -1 where it is not in it."""
    rows_of_id = portfolio.row_of_id
    return np.array([rows_of_id.get(key, -1) for key in table["customer_id"].to_pylist()], dtype=np.int64)


def kpis(portfolio: PortfolioColumns, visible: Mask, table: pa.Table | None) -> dict[str, float | None]:
    """Return net and gross revenue retention, customer retention, NPS and CSAT of the last twelve months."""
    if table is None:
        return {}
    rows = _rows_in(portfolio, table)
    chosen = (rows >= 0) & visible[np.maximum(rows, 0)] if len(rows) else np.zeros(0, dtype=bool)
    column = {name: _numbers(table, name)[chosen] for name in table.column_names if name != "customer_id"}
    before, now = column["spend_before"], np.maximum(column["spend_12m"], 0.0)
    base = before > 0
    total = float(before[base].sum())
    answers, csat = float(column["nps_answers"].sum()), float(column["csat_answers"].sum())
    return {
        "nrr": float(now[base].sum()) / total if total else None,
        "grr": float(np.minimum(now[base], before[base]).sum()) / total if total else None,
        "retention": float((column.get("orders_12m", now)[base] > 0).mean()) if base.any() else None,
        "nps": 100 * float(column["promoters"].sum() - column["detractors"].sum()) / answers if answers else None,
        "csat": float(column["csat_sum"].sum()) / csat if csat else None,
    }


def _numbers(table: pa.Table, name: str) -> FloatColumn:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)

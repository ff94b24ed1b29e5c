"""Industries: what the company has at stake in each, beside the growth of the industry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of

_LEAST_TO_COMPARE = 5
"""A place among fewer customers of an industry says nothing."""


def industry_table(history: History, as_of: datetime, portfolio: pa.Table) -> pa.Table:
    """Return one row per industry of the scored customers: customers, share at high risk, exposure, growth."""
    connection = history.connection
    connection.register("scored_portfolio", _read(portfolio))
    try:
        growth = (
            "(SELECT industry, arg_max(growth, as_of) AS growth FROM industries WHERE as_of < $as_of GROUP BY industry)"
        )
        return query_as_of(
            history,
            f"""
            SELECT industry, count(*) AS customers, avg(probability) AS mean_probability,
                count(*) FILTER (risk_band = 'high') AS high_risk,
                avg((risk_band = 'high')::INT) AS high_risk_share,
                coalesce(sum(revenue_at_risk), 0) AS revenue_at_risk,
                coalesce(sum(spend_if_retained), 0) AS spend_if_retained,
                coalesce(sum(spend_if_retained), 0) / nullif(sum(coalesce(sum(spend_if_retained), 0)) OVER (), 0)
                    AS exposure_share,
                any_value(growth) AS growth
            FROM scored_portfolio LEFT JOIN {growth} USING (industry)
            WHERE probability IS NOT NULL AND industry IS NOT NULL
            GROUP BY industry ORDER BY revenue_at_risk DESC, industry
            """,
            as_of,
        )
    finally:
        connection.unregister("scored_portfolio")


def place_in_industry(
    portfolio: pa.Table, industries: pa.Table | None, customer: Mapping[str, object]
) -> dict[str, Any] | None:
    """Return a customer's place by probability in its industry; None without a probability or enough customers."""
    industry, own = customer.get("industry"), customer.get("probability")
    if industry is None or own is None:
        return None
    pairs = zip(portfolio["industry"].to_pylist(), portfolio["probability"].to_pylist(), strict=True)
    others = [chance for name, chance in pairs if name == industry and chance is not None and chance == chance]
    if len(others) < _LEAST_TO_COMPARE:
        return None
    rows = [] if industries is None else industries.to_pylist()
    known: dict[str, object] = next((row for row in rows if row["industry"] == industry), {})
    return {
        "industry": industry,
        "customers": len(others),
        "higher_risk": sum(chance > own for chance in others),
        "mean_probability": sum(others) / len(others),
        "growth": known.get("growth"),
        "high_risk_share": known.get("high_risk_share"),
    }


def _read(portfolio: pa.Table) -> pa.Table:
    """Return the columns that are summed; a portfolio of leads has no risk and no spend, so these are null."""
    kinds = {"industry": pa.string(), "probability": pa.float64(), "risk_band": pa.string()}
    kinds |= {"revenue_at_risk": pa.float64(), "spend_if_retained": pa.float64()}
    count = portfolio.num_rows
    return pa.table(
        {
            name: portfolio[name] if name in portfolio.column_names else pa.nulls(count, kind)
            for name, kind in kinds.items()
        }
    )

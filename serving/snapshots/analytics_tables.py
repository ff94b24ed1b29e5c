"""Analytics that a scoring run writes: stakeholders, hierarchies, cohorts, funnel, attribution, risks, industries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.actions.facts import action_facts
from rapport.scoring.actions.playbook import Playbook
from rapport.scoring.analytics.account_hierarchy import build_account_hierarchy
from rapport.scoring.analytics.attribution import attribution
from rapport.scoring.analytics.deal_outcomes import DealCard
from rapport.scoring.analytics.deals import open_deals
from rapport.scoring.analytics.interaction_signals import interaction_signals
from rapport.scoring.analytics.last_contacts import last_contacts
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.risk_overview import risk_overview
from rapport.scoring.analytics.stakeholders import list_stakeholders, stakeholder_coverage
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.shapes.customer_parts import AccountNode, IndustryPosition
from rapport.serving.snapshots.lead_funnel import lead_funnel
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_table import PortfolioLookup

Owners = tuple[str, ...] | None


def customer_tables(history: History, as_of: datetime, playbook: Playbook, card: DealCard) -> dict[str, pa.Table]:
    """Return the tables behind customer pages, sorted by customer."""
    deals = open_deals(history, as_of, card)
    found = {
        "people": list_stakeholders(history, as_of),
        "chain": stakeholder_coverage(history, as_of),
        "deals": deals,
        "action_facts": action_facts(history, as_of, playbook.cadence, deals),
    }
    return {name: table.sort_by("customer_id") for name, table in found.items()}


def population_tables(
    history: History, scored: ScoreBatch, policy: PortfolioPolicy, portfolio: pa.Table
) -> dict[str, pa.Table]:
    """Return the tables behind portfolio pages."""
    as_of = scored.as_of
    return {
        "tree": _hierarchy(history, scored.as_of, portfolio),
        "view_cohorts": cohorts(history, as_of),
        "view_funnel": lead_funnel(history, scored, policy, portfolio),
        "view_attribution": attribution(history, as_of),
        "view_risk": risk_overview(history, as_of),
        "view_kpis": customer_kpis(history, as_of),
        "view_signals": interaction_signals(history, as_of),
        "view_contacts": last_contacts(history, as_of),
        "view_industries": industry_table(history, as_of, portfolio),
    }


def cohorts(history: History, as_of: datetime) -> pa.Table:
    """Return, by quarter of the first order, the cohort's size and the share that ordered in each later quarter."""
    rows = query_as_of(
        history,
        f"""
        WITH quarters AS (SELECT DISTINCT customer_id, date_trunc('quarter', ordered_at) AS quarter
                          FROM {rows_known_at("orders")} WHERE amount > 0),
             first AS (SELECT customer_id, min(quarter) AS begun FROM quarters GROUP BY customer_id)
        SELECT begun, date_diff('quarter', begun, quarter) AS later, count(*) AS customers
        FROM quarters JOIN first USING (customer_id) GROUP BY ALL ORDER BY begun, later
        """,
        as_of,
    ).to_pylist()
    cohort_rows = []
    for begun, group in groupby(rows, key=lambda row: row["begun"]):
        counts = {row["later"]: row["customers"] for row in group}
        quarters = (as_of.year - begun.year) * 4 + (as_of.month - 1) // 3 - (begun.month - 1) // 3
        # The quarter of the cutoff is not over: its share would look like a collapse.
        shares = [counts.get(later, 0) / counts[0] for later in range(quarters)]
        cohort_rows.append({"cohort": f"{begun.year}-Q{(begun.month + 2) // 3}", "size": counts[0], "kept": shares})
    schema = pa.schema({"cohort": pa.string(), "size": pa.int64(), "kept": pa.list_(pa.float64())})
    return pa.Table.from_pylist(cohort_rows, schema)


def account_hierarchy(
    tree: pa.Table, customer_id: str, portfolio: PortfolioLookup, owners: Owners = None
) -> AccountNode | None:
    """Return the account hierarchy of a customer, from its root; None for a customer without relatives.

    Totals cover the accounts that the viewer (all, or those of ``owners``) sees; ``hidden`` counts the others.
    """
    ids = tree.column("customer_id")
    position = ids.index(pa.scalar(customer_id)).as_py()
    if position < 0:
        return None
    root = tree.column("root_id")[position].as_py()
    roots = np.asarray(tree.column("root_id"))
    rows = tree.take(np.flatnonzero(roots == root)).to_pylist()
    if len(rows) == 1:
        return None
    nodes = {row["customer_id"]: _node(row, portfolio.get(row["customer_id"]), owners) for row in rows}
    for row in rows:
        if row["customer_id"] != root and row["parent_id"] in nodes:
            nodes[row["parent_id"]]["children"].append(nodes[row["customer_id"]])
    _add_totals(nodes[root])
    return nodes[root]


def _node(row: Mapping[str, object], scored: Mapping[str, object], owners: Owners) -> AccountNode:
    """Return one account; of an account that the viewer may not see, only its place in the hierarchy."""
    is_visible = owners is None or scored.get("owner") in owners
    figures = ("tier", "probability", "value", "value_at_risk", "health_grade", "health_score")
    seen = {name: row[name] for name in ("customer_id", "name")} | {name: scored.get(name) for name in figures}
    shown = seen if is_visible else dict.fromkeys(seen)
    return cast(AccountNode, shown | {"children": [], "hidden": 0 if is_visible else 1})


def _add_totals(node: AccountNode) -> AccountNode:
    """Add up each account and those below it, as its viewer sees them; return the one with the most at risk."""
    driver = node
    node["total_value"], node["total_at_risk"] = node["value"] or 0.0, node["value_at_risk"] or 0.0
    for child in node["children"]:
        below = _add_totals(child)
        node["total_value"] += child["total_value"]
        node["total_at_risk"] += child["total_at_risk"]
        node["hidden"] += child["hidden"]
        if (below["value_at_risk"] or 0.0) > (driver["value_at_risk"] or 0.0):
            driver = below
    node["driven_by"] = None if driver is node else driver["customer_id"]
    return driver


def _hierarchy(history: History, as_of: datetime, portfolio: pa.Table) -> pa.Table:
    """Return the account hierarchy on the money of the portfolio: a total is the sum of its rows."""
    scores = portfolio.select(["customer_id", "probability", "value"])
    return build_account_hierarchy(history, as_of, scores.filter(pc.is_valid(scores["probability"])))


_YEAR = "$as_of::TIMESTAMP - INTERVAL 12 MONTH"
_TWO_YEARS = "$as_of::TIMESTAMP - INTERVAL 24 MONTH"


def customer_kpis(history: History, as_of: datetime) -> pa.Table:
    """Return spend of the last twelve months and of the twelve before, and answers to surveys of the last twelve."""
    return query_as_of(
        history,
        f"""
        WITH spend AS (
            SELECT customer_id,
                coalesce(sum(amount) FILTER (ordered_at >= {_YEAR}), 0)::DOUBLE AS spend_12m,
                coalesce(sum(amount) FILTER (ordered_at < {_YEAR}), 0)::DOUBLE AS spend_before,
                count(*) FILTER (amount > 0 AND ordered_at >= {_YEAR}) AS orders_12m
            FROM {rows_known_at("orders")} WHERE ordered_at >= {_TWO_YEARS} GROUP BY customer_id),
        answers AS (
            SELECT customer_id,
                count(*) FILTER (kind = 'nps' AND score >= 9) AS promoters,
                count(*) FILTER (kind = 'nps' AND score <= 6) AS detractors,
                count(*) FILTER (kind = 'nps') AS nps_answers,
                coalesce(sum(score) FILTER (kind = 'csat'), 0)::DOUBLE AS csat_sum,
                count(*) FILTER (kind = 'csat') AS csat_answers
            FROM {rows_known_at("surveys")} WHERE answered_at >= {_YEAR} AND score IS NOT NULL GROUP BY customer_id)
        SELECT coalesce(spend.customer_id, answers.customer_id) AS customer_id, coalesce(spend_12m, 0) AS spend_12m,
            coalesce(spend_before, 0) AS spend_before, coalesce(orders_12m, 0) AS orders_12m,
            coalesce(promoters, 0) AS promoters, coalesce(detractors, 0) AS detractors,
            coalesce(nps_answers, 0) AS nps_answers, coalesce(csat_sum, 0) AS csat_sum,
            coalesce(csat_answers, 0) AS csat_answers
        FROM spend FULL JOIN answers ON spend.customer_id = answers.customer_id ORDER BY 1
        """,
        as_of,
    )


_LEAST_TO_COMPARE = 5
"""A place among fewer customers of an industry says nothing."""


def industry_table(history: History, as_of: datetime, portfolio: pa.Table) -> pa.Table:
    """Return one row per industry of the scored customers: customers, share at high risk, exposure, growth."""
    connection = history.connection
    connection.register("scored_portfolio", _summed(portfolio))
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
) -> IndustryPosition | None:
    """Return a customer's place by probability in its industry; None without a probability or enough customers."""
    industry, own = customer.get("industry"), customer.get("probability")
    if industry is None or own is None:
        return None
    pairs = zip(portfolio["industry"].to_pylist(), portfolio["probability"].to_pylist(), strict=True)
    others = [chance for name, chance in pairs if name == industry and chance is not None and chance == chance]
    if len(others) < _LEAST_TO_COMPARE:
        return None
    rows = [] if industries is None else industries.to_pylist()
    known: dict[str, Any] = next((row for row in rows if row["industry"] == industry), {})
    return {
        "industry": str(industry),
        "customers": len(others),
        "higher_risk": sum(chance > own for chance in others),
        "mean_probability": sum(others) / len(others),
        "growth": known.get("growth"),
        "high_risk_share": known.get("high_risk_share"),
    }


def _summed(portfolio: pa.Table) -> pa.Table:
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

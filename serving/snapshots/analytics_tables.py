"""Analytics that a scoring run writes: stakeholders, account hierarchies, cohorts, funnel, attribution, risks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

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
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.risk_overview import risk_overview
from rapport.scoring.analytics.stakeholders import list_stakeholders, stakeholder_coverage
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.serving.snapshots.customer_kpis import customer_kpis
from rapport.serving.snapshots.industry_table import industry_table
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
) -> dict[str, object] | None:
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
    nodes = {row["customer_id"]: _node(row, portfolio.get(row["customer_id"], {}), owners) for row in rows}
    for row in rows:
        if row["customer_id"] != root and row["parent_id"] in nodes:
            nodes[row["parent_id"]]["children"].append(nodes[row["customer_id"]])
    _add_totals(nodes[root])
    return _without_drivers(nodes[root])


def _node(row: Mapping[str, object], scored: Mapping[str, object], owners: Owners) -> dict[str, Any]:
    """Return one account; of an account that the viewer may not see, only its place in the hierarchy."""
    is_visible = owners is None or scored.get("owner") in owners
    figures = ("tier", "probability", "value", "value_at_risk", "health_grade", "health_score")
    return {
        "customer_id": row["customer_id"] if is_visible else None,
        "name": row["name"] if is_visible else None,
        **{name: scored.get(name) if is_visible else None for name in figures},
        "children": [],
        "hidden": 0 if is_visible else 1,
    }


def _add_totals(node: dict[str, Any]) -> None:
    """Add up each account and those below it: a total is the sum of the rows that its viewer sees."""
    best = node
    totals = {"total_value": node["value"] or 0.0, "total_at_risk": node["value_at_risk"] or 0.0}
    for child in node["children"]:
        _add_totals(child)
        totals = {name: total + child[name] for name, total in totals.items()}
        node["hidden"] += child["hidden"]
        if child["driver"]["value_at_risk"] and (child["driver"]["value_at_risk"] > (best["value_at_risk"] or 0.0)):
            best = child["driver"]
    node |= totals
    node["driver"] = best
    node["driven_by"] = None if best is node else best["customer_id"]


def _without_drivers(node: dict[str, Any]) -> dict[str, Any]:
    for child in node["children"]:
        _without_drivers(child)
    del node["driver"]
    return node


def _hierarchy(history: History, as_of: datetime, portfolio: pa.Table) -> pa.Table:
    """Return the account hierarchy on the money of the portfolio: a total is the sum of its rows."""
    rows = portfolio.filter(pc.is_valid(portfolio["probability"]))
    scores = rows.select(["customer_id", "probability", "value"])
    return build_account_hierarchy(history, as_of, scores)

"""What the night draws of all customers: people who decide, customer trees, cohorts, funnel, attribution, risks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from rapport.history import History
from rapport.scoring.scored import Scored
from rapport.scoring.views import attribution, chains, customer_tree, decision_chain, risk_overview
from rapport.scoring.views.known import ask, known
from rapport.serving.book import Lines
from rapport.serving.funnel import funnel


def of_each(history: History, as_of: datetime) -> dict[str, pa.Table]:
    """Return what a customer's page shows, sorted by customer."""
    found = {"people": decision_chain(history, as_of), "chain": chains(history, as_of)}
    return {name: table.sort_by("customer_id") for name, table in found.items()}


def of_all(history: History, scored: Scored) -> dict[str, pa.Table]:
    """Return what the pages of all customers show."""
    as_of = scored.as_of
    return {
        "tree": _tree(history, scored),
        "view_cohorts": cohorts(history, as_of),
        "view_funnel": funnel(history, scored),
        "view_attribution": attribution(history, as_of),
        "view_risk": risk_overview(history, as_of),
    }


def cohorts(history: History, as_of: datetime) -> pa.Table:
    """Return, by quarter of the first order, how many came and which share ordered in each quarter after."""
    rows = ask(
        history,
        f"""
        WITH quarters AS (SELECT DISTINCT customer_id, date_trunc('quarter', ordered_at) AS quarter
                          FROM {known("orders")} WHERE amount > 0),
             first AS (SELECT customer_id, min(quarter) AS begun FROM quarters GROUP BY customer_id)
        SELECT begun, date_diff('quarter', begun, quarter) AS later, count(*) AS customers
        FROM quarters JOIN first USING (customer_id) GROUP BY ALL ORDER BY begun, later
        """,
        as_of,
    ).to_pylist()
    lines = []
    for begun, group in groupby(rows, key=lambda row: row["begun"]):
        counts = {row["later"]: row["customers"] for row in group}
        quarters = (as_of.year - begun.year) * 4 + (as_of.month - 1) // 3 - (begun.month - 1) // 3
        kept = [counts.get(later, 0) / counts[0] for later in range(quarters + 1)]
        lines.append({"cohort": f"{begun.year}-Q{(begun.month + 2) // 3}", "size": counts[0], "kept": kept})
    schema = pa.schema({"cohort": pa.string(), "size": pa.int64(), "kept": pa.list_(pa.float64())})
    return pa.Table.from_pylist(lines, schema)


def branch(tree: pa.Table, customer_id: str, lines: Lines) -> dict[str, Any] | None:
    """Return the whole tree that a customer belongs to, from its root; None for one that stands alone."""
    ids = tree.column("customer_id")
    place = ids.index(pa.scalar(customer_id)).as_py()
    if place < 0:
        return None
    root = tree.column("root_id")[place].as_py()
    roots = np.asarray(tree.column("root_id"))
    rows = tree.take(np.flatnonzero(roots == root)).to_pylist()
    if len(rows) == 1:
        return None
    nodes = {row["customer_id"]: _node(row, lines.get(row["customer_id"], {})) for row in rows}
    for row in rows:
        if row["customer_id"] != root and row["parent_id"] in nodes:
            nodes[row["parent_id"]]["children"].append(nodes[row["customer_id"]])
    return nodes[root]


def _node(row: Mapping[str, Any], scored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": row["customer_id"],
        "name": row["name"],
        "tier": scored.get("tier"),
        "probability": scored.get("probability"),
        "value": scored.get("value"),
        "value_at_risk": scored.get("value_at_risk"),
        "children": [],
        "total_value": row["total_value"],
        "total_at_risk": row["total_expected_loss"],
        "driven_by": row["driven_by"],
    }


def _tree(history: History, scored: Scored) -> pa.Table:
    known_rows = np.flatnonzero(scored.eligible)
    rows = scored.rows.take(known_rows)
    name = "spend_sum_365d" if scored.bundle.is_risk else "opportunities_open_amount"
    value = rows.number(name) if name in rows.place else np.zeros(len(rows))
    scores = {
        "customer_id": pa.array(scored.customer_id[known_rows], pa.string()),
        "probability": scored.probability[known_rows],
        "value": np.nan_to_num(value),
    }
    return customer_tree(history, scored.as_of, pa.table(scores))

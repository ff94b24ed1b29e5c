"""Lead funnel: the stages that the leads of the last year reached, by source and grade."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import snapshot
from rapport.history import Duration, History, parse_duration
from rapport.history.reading.sampling import restrict_history
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.models.scorer import Scorer
from rapport.serving.snapshots.live_model import catalog_of
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_rows import portfolio_rows

STAGES = ("leads", "touched", "opportunity", "won")
MONTHS_BACK = 12

# Nested: who reached a stage or a later one, so that no stage has more leads than the one before it.
_LEADS = f"""
WITH seen AS (
    SELECT c.customer_id, coalesce(c.source, '') AS source,
        c.customer_id IN (SELECT customer_id FROM {rows_known_at("touches")}
                          UNION ALL SELECT customer_id FROM {rows_known_at("interactions")}) AS touched,
        c.customer_id IN (SELECT customer_id FROM {rows_known_at("opportunities")}) AS opportunity,
        c.customer_id IN (SELECT customer_id FROM {rows_known_at("orders")} WHERE amount > 0) AS won
    FROM {rows_known_at("customers")} c
    WHERE c.created_at >= $as_of::TIMESTAMP - INTERVAL 1 YEAR)
SELECT customer_id, source, touched OR opportunity OR won AS touched, opportunity OR won AS opportunity, won FROM seen
"""


def lead_funnel(history: History, scored: ScoreBatch, policy: PortfolioPolicy, portfolio: pa.Table) -> pa.Table:
    """Return the counts at each stage, by source and grade; "" where a lead was never graded.

    A current lead has the grade of the portfolio; a lead that has bought or was lost has its grade of the last month
    as a lead.
    """
    rows = query_as_of(history, _LEADS, as_of=scored.as_of)
    grades = {} if scored.bundle.is_risk else _grades(portfolio)
    if not scored.bundle.is_risk:
        former = pc.invert(pc.is_in(rows["customer_id"], pa.array(list(grades), pa.string())))
        grades |= _former_grades(history, scored, policy, rows["customer_id"].filter(former))
    counted: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.to_pylist():
        key = (row["source"], grades.get(row["customer_id"], ""))
        counts = counted.setdefault(key, dict.fromkeys(STAGES, 0))
        counts["leads"] += 1
        for step in STAGES[1:]:
            counts[step] += bool(row[step])
    funnel_rows = [{"source": source, "grade": grade, **counts} for (source, grade), counts in sorted(counted.items())]
    names = {"source": pa.string(), "grade": pa.string()}
    return pa.Table.from_pylist(funnel_rows, pa.schema(names | dict.fromkeys(STAGES, pa.int64())))


def _grades(portfolio: pa.Table) -> dict[str, str]:
    """Return the grades of the leads of a portfolio."""
    found = zip(portfolio["customer_id"].to_pylist(), portfolio["lead_grade"].to_pylist(), strict=True)
    return {one: grade for one, grade in found if grade is not None}


def _former_grades(
    history: History, scored: ScoreBatch, policy: PortfolioPolicy, former: pa.ChunkedArray
) -> dict[str, str]:
    """Return the grades of former leads, from their scores in the months when they were leads."""
    if not len(former):
        return {}
    bundle, found = scored.bundle, dict[str, str]()
    scorer, features, active = Scorer(bundle), catalog_of(bundle), parse_duration(bundle.active_window)
    with restrict_history(history, former.combine_chunks()) as former_leads:
        for months in range(MONTHS_BACK, 0, -1):
            moment = Duration(months=months).before(scored.as_of)
            table = snapshot(former_leads, moment, features, active=active, rule=bundle.rule)
            table = table.filter(pc.equal(table["state"], bundle.eligible))
            if table.num_rows:
                found |= _grades(portfolio_rows(policy, scorer.score(table, moment), table))
    return found

"""How far the leads of the last year came, by source and by grade."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rapport.features import snapshot
from rapport.history import History, Span, parse_span
from rapport.history.sample import only
from rapport.scoring.scored import Scored
from rapport.scoring.scorer import Scorer
from rapport.scoring.views.known import ask, known
from rapport.serving.current import catalog_of

GRADES = ((90, "A"), (70, "B"), (40, "C"), (0, "D"))
STAGES = ("leads", "touched", "opportunity", "won")
LOOKS = 12

_LEADS = f"""
SELECT c.customer_id, coalesce(c.source, '') AS source,
    c.customer_id IN (SELECT customer_id FROM {known("touches")}
                      UNION ALL SELECT customer_id FROM {known("interactions")}) AS touched,
    c.customer_id IN (SELECT customer_id FROM {known("opportunities")}) AS opportunity,
    c.customer_id IN (SELECT customer_id FROM {known("orders")} WHERE amount > 0) AS won
FROM {known("customers")} c
WHERE c.created_at >= $as_of::TIMESTAMP - INTERVAL 1 YEAR
"""


def funnel(history: History, scored: Scored) -> pa.Table:
    """Return the counts at each stage, by source and grade; "" where a lead was never graded.

    Who is a lead has today's grade; who has bought since, or was lost, that of the last look at which it was one.
    """
    rows = ask(history, _LEADS, as_of=scored.as_of)
    grades = {} if scored.bundle.is_risk else _grades(scored)
    if not scored.bundle.is_risk:
        gone = pc.invert(pc.is_in(rows["customer_id"], pa.array(list(grades), pa.string())))
        grades |= _earlier(history, scored, rows["customer_id"].filter(gone))
    counted: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows.to_pylist():
        key = (row["source"], grades.get(row["customer_id"], ""))
        line = counted.setdefault(key, dict.fromkeys(STAGES, 0))
        line["leads"] += 1
        for step in STAGES[1:]:
            line[step] += bool(row[step])
    lines = [{"source": source, "grade": grade, **line} for (source, grade), line in sorted(counted.items())]
    names = {"source": pa.string(), "grade": pa.string()}
    return pa.Table.from_pylist(lines, pa.schema(names | dict.fromkeys(STAGES, pa.int64())))


def grade_of(percentile: int) -> str:
    """Return the letter of a lead by the share of leads below it."""
    return next(grade for edge, grade in GRADES if percentile >= edge)


def _grades(scored: Scored) -> dict[str, str]:
    """Grade those who are leads."""
    found = zip(scored.customer_id, scored.percentile, strict=True)
    return {str(one): grade_of(int(percentile)) for one, percentile in found if percentile >= 0}


def _earlier(history: History, scored: Scored, gone: pa.ChunkedArray) -> dict[str, str]:
    """Grade those who are leads no more by looking back, month by month, at what the model says of them as leads."""
    if not len(gone):
        return {}
    bundle, found = scored.bundle, dict[str, str]()
    scorer, features, active = Scorer(bundle), catalog_of(bundle), parse_span(bundle.active)
    with only(history, gone.combine_chunks()) as few:
        for months in range(LOOKS, 0, -1):
            moment = Span(months=months).before(scored.as_of)
            table = snapshot(few, moment, features, active=active, rule=bundle.rule)
            table = table.filter(pc.equal(table["state"], bundle.eligible))
            found |= _grades(scorer.score(table, moment)) if table.num_rows else {}
    return found

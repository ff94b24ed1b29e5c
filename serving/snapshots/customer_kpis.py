"""What the indicators of the home page add up from: each customer's spend of two years and its survey answers."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

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
                coalesce(sum(amount) FILTER (ordered_at < {_YEAR}), 0)::DOUBLE AS spend_before
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
            coalesce(spend_before, 0) AS spend_before, coalesce(promoters, 0) AS promoters,
            coalesce(detractors, 0) AS detractors, coalesce(nps_answers, 0) AS nps_answers,
            coalesce(csat_sum, 0) AS csat_sum, coalesce(csat_answers, 0) AS csat_answers
        FROM spend FULL JOIN answers ON spend.customer_id = answers.customer_id ORDER BY 1
        """,
        as_of,
    )

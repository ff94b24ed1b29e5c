"""The newest contact that the company made with each customer: what a score does after it may be its effect."""

from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

CONTACT_DAYS = 90
"""How many days a contact marks a customer."""


def last_contacts(history: History, as_of: datetime) -> pa.Table:
    """Return one row per customer contacted in the last 90 days: at, action, outcome; held-out rows are no contact."""
    return query_as_of(
        history,
        f"""
        SELECT customer_id, max("at") AS "at", arg_max(coalesce(action, ''), "at") AS action,
            arg_max(coalesce(outcome, ''), "at") AS outcome
        FROM {rows_known_at("interventions")}
        WHERE NOT coalesce(held_out, false) AND "at" >= $as_of::TIMESTAMP - INTERVAL {CONTACT_DAYS} DAY
        GROUP BY customer_id ORDER BY customer_id
        """,
        as_of,
    )

"""Service load: what each customer costs to serve, and the tickets that are open longer than usual."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.money.assumptions import Assumptions

LATE_QUANTILE = 0.9
"""A ticket is late when it is open longer than this share of those answered or solved took."""
LEAST_TICKETS = 20
"""With fewer finished tickets of a kind, its limit is that of all kinds; with fewer of all, nothing is late."""
_YEAR = "$as_of::TIMESTAMP - INTERVAL 365 DAY"
_TWO_YEARS = "$as_of::TIMESTAMP - INTERVAL 730 DAY"

Facts = dict[str, object]


def cost_to_serve(history: History, as_of: datetime, assumptions: Assumptions) -> tuple[pa.Table, Facts]:
    """Return for each customer that ever ordered: net revenue, contacts and tickets of 12 months, cost, what is left.

    Every contact and every ticket costs one `contact_cost`. The facts are sums of the rows.
    """
    per_contact, margin = float(assumptions.contact_cost), float(assumptions.margin)
    table = query_as_of(
        history,
        f"""
        WITH spent AS (SELECT customer_id, coalesce(sum(amount) FILTER (ordered_at >= {_YEAR}), 0)::DOUBLE AS revenue
            FROM {rows_known_at("orders")} GROUP BY customer_id HAVING bool_or(amount > 0)),
        talks AS (SELECT customer_id, count(*) AS contacts FROM {rows_known_at("interactions")}
            WHERE occurred_at >= {_YEAR} GROUP BY customer_id),
        cases AS (SELECT customer_id, count(*) AS tickets, count(*) FILTER (kind = 'complaint') AS complaints
            FROM {rows_known_at("tickets")} WHERE opened_at >= {_YEAR} GROUP BY customer_id),
        counted AS (SELECT customer_id, revenue, coalesce(contacts, 0) AS contacts, coalesce(tickets, 0) AS tickets,
                coalesce(complaints, 0) AS complaints,
                (coalesce(contacts, 0) + coalesce(tickets, 0)) * {per_contact}::DOUBLE AS cost
            FROM spent LEFT JOIN talks USING (customer_id) LEFT JOIN cases USING (customer_id))
        SELECT *, CASE WHEN revenue > 0 THEN cost / revenue END AS cost_share,
            revenue * {margin}::DOUBLE - cost AS margin_after_cost
        FROM counted ORDER BY margin_after_cost, customer_id
        """,
        as_of,
    )
    sums = {name: pc.sum(table[name]).as_py() or 0 for name in ("revenue", "contacts", "tickets", "cost")}
    costly = pc.sum(pc.less(table["margin_after_cost"], 0)).as_py() or 0
    return table, sums | {"customers": len(table), "cost_exceeds_margin": costly, "contact_cost": per_contact,
                          "margin": margin}  # fmt: skip


def late_tickets(history: History, as_of: datetime) -> tuple[pa.Table, Facts]:
    """Return the open tickets that wait longer for a reply or a solution than nine in ten of their kind did.

    The limits come from the tickets opened in two years whose reply or solution was known by `as_of`.
    """
    table = query_as_of(
        history,
        f"""
        WITH known AS (SELECT ticket_id, customer_id, coalesce(kind, '') AS kind, severity, opened_at, responded_at,
                resolved_at, date_diff('minute', opened_at, $as_of::TIMESTAMP) / 60 AS hours_open,
                date_diff('minute', opened_at, responded_at) / 60 AS reply,
                date_diff('minute', opened_at, resolved_at) / 60 AS solution
            FROM {rows_known_at("tickets")} WHERE opened_at >= {_TWO_YEARS}),
        whole AS (SELECT {_limit("reply")} AS reply_all, {_limit("solution")} AS solution_all FROM known),
        by_kind AS (SELECT kind, {_limit("reply")} AS reply_limit, {_limit("solution")} AS solution_limit
            FROM known GROUP BY kind),
        waiting AS (SELECT known.*, coalesce(reply_limit, reply_all) AS reply_limit,
                coalesce(solution_limit, solution_all) AS solution_limit,
                responded_at IS NULL AND hours_open > coalesce(reply_limit, reply_all) AS no_reply
            FROM known JOIN by_kind USING (kind) CROSS JOIN whole WHERE resolved_at IS NULL)
        SELECT customer_id, ticket_id, kind, severity, opened_at, hours_open,
            CASE WHEN no_reply THEN 'reply' ELSE 'solution' END AS waits_for,
            CASE WHEN no_reply THEN reply_limit ELSE solution_limit END AS usual_limit_hours
        FROM waiting WHERE no_reply OR hours_open > solution_limit
        ORDER BY hours_open / nullif(usual_limit_hours, 0) DESC, ticket_id
        """,
        as_of,
    )
    return table, {"late": len(table), "customers": pc.count_distinct(table["customer_id"]).as_py(),
                   "quantile": LATE_QUANTILE, "least_tickets": LEAST_TICKETS}  # fmt: skip


def _limit(hours: str) -> str:
    return f"CASE WHEN count({hours}) >= {LEAST_TICKETS} THEN quantile_cont({hours}, {LATE_QUANTILE}) END"

"""Sales: cycle and win rate by quarter, response times, the stages of leads, and the return on campaigns."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.attribution import LOOK_BACK_DAYS
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

STAGES = ("lead", "touched", "contacted", "opportunity", "won")
_LEAD_YEARS = 2
Facts = dict[str, Any]


def sales_cycle(history: History, as_of: datetime) -> pa.Table:
    """Return by owner and by quarter of the end: deals won and lost, win rate, days to win, and the amount won."""
    return query_as_of(
        history,
        f"""
        WITH deals AS (SELECT deal.*, date_diff('day', opened_at, closed_at) AS days, coalesce(owner, '') AS owner,
                year(closed_at) || '-Q' || quarter(closed_at) AS quarter
            FROM {rows_known_at("opportunities")} AS deal LEFT JOIN {rows_known_at("customers")} AS c
            USING (customer_id) WHERE won IS NOT NULL AND closed_at >= $as_of::TIMESTAMP - INTERVAL 3 YEAR)
        SELECT CASE WHEN grouping(quarter) = 0 THEN 'quarter' ELSE 'owner' END AS dimension,
            coalesce(quarter, owner) AS value, count(*) AS deals, count(*) FILTER (won) AS won,
            avg(won::INT) AS win_rate, median(days) FILTER (won) AS days_to_win,
            median(days) FILTER (NOT won) AS days_to_loss, sum(amount) FILTER (won) AS amount_won
        FROM deals GROUP BY GROUPING SETS ((quarter), (owner)) ORDER BY dimension DESC, value
        """,
        as_of,
    )


def response_times(history: History, as_of: datetime) -> pa.Table:
    """Return by quarter: hours to the first reply and to the solution of tickets, and hours that messages waited."""
    since = "$as_of::TIMESTAMP - INTERVAL 3 YEAR"
    return query_as_of(
        history,
        f"""
        WITH tickets_q AS (SELECT year(opened_at) || '-Q' || quarter(opened_at) AS quarter, count(*) AS tickets,
                median(date_diff('minute', opened_at, responded_at) / 60) AS hours_to_reply,
                avg((date_diff('minute', opened_at, responded_at) <= 1440)::INT) AS replied_in_a_day,
                median(date_diff('minute', opened_at, resolved_at) / 60) AS hours_to_solution,
                avg((resolved_at IS NULL)::INT) AS still_open
            FROM {rows_known_at("tickets")} WHERE opened_at >= {since} GROUP BY ALL),
        talks AS (SELECT year(occurred_at) || '-Q' || quarter(occurred_at) AS quarter,
                count(response_hours) AS messages, median(response_hours) AS hours_waited
            FROM {rows_known_at("interactions")} WHERE occurred_at >= {since} GROUP BY ALL)
        SELECT coalesce(tickets_q.quarter, talks.quarter) AS quarter, * EXCLUDE (quarter)
        FROM tickets_q FULL JOIN talks ON tickets_q.quarter = talks.quarter ORDER BY 1
        """,
        as_of,
    )


def lead_stages(history: History, as_of: datetime) -> tuple[pa.Table, Facts]:
    """Return the nested stages of the leads of two years: who reached each stage or a later one, days, what is lost.

    A stage of which the history has no row is left out. The bottleneck is the stage that loses most of those who
    reached the one before it. Leads of the last quarter are left out: they have had no time to come far.
    """
    first = "SELECT customer_id, min({time}) AS at FROM {table} WHERE {where} GROUP BY customer_id"
    steps = {
        "touched": first.format(time="occurred_at", table=rows_known_at("touches"), where="true"),
        "contacted": first.format(time="occurred_at", table=rows_known_at("interactions"), where="true"),
        "opportunity": first.format(time="opened_at", table=rows_known_at("opportunities"), where="true"),
        "won": first.format(time="ordered_at", table=rows_known_at("orders"), where="amount > 0"),
    }
    joins = " ".join(f"LEFT JOIN ({sql}) AS {name} USING (customer_id)" for name, sql in steps.items())
    times = ", ".join(f"{name}.at AS {name}" for name in steps)
    leads = query_as_of(
        history,
        f"""
        SELECT created_at AS lead, {times} FROM {rows_known_at("customers")} {joins}
        WHERE created_at >= $as_of::TIMESTAMP - INTERVAL {_LEAD_YEARS} YEAR
            AND created_at < $as_of::TIMESTAMP - INTERVAL 91 DAY AND (won.at IS NULL OR won.at >= created_at)
        """,
        as_of,
    ).to_pylist()
    rows = _nested(leads)
    worst = min((row for row in rows[1:] if row["share"] is not None), key=lambda row: row["share"], default=None)
    for row in rows:
        row["bottleneck"] = row is worst
    return pa.Table.from_pylist(rows, _STAGE_SCHEMA), {"bottleneck": worst["stage"] if worst else None}


_STAGE_SCHEMA = pa.schema(
    {"stage": pa.string(), "reached": pa.int64(), "share": pa.float64(), "lost": pa.int64(),
     "median_days": pa.float64(), "bottleneck": pa.bool_()}
)  # fmt: skip


def _nested(leads: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Count the leads at each stage: one that skipped a stage on the way to a later one counts as past it."""
    stages = [stage for stage in STAGES if any(lead[stage] is not None for lead in leads)]
    rows: list[dict[str, object]] = []
    inside = leads
    for place, stage in enumerate(stages):
        known = [lead for lead in leads if any(lead[later] is not None for later in stages[place:])]
        rows.append(
            {
                "stage": stage,
                "reached": len(known),
                "share": len(known) / len(inside) if place else None,
                "lost": len(inside) - len(known),
                "median_days": _median_days(known, stages[place - 1], stage) if place else None,
            }
        )
        inside = known
    return rows


def _median_days(leads: list[dict[str, Any]], previous: str, stage: str) -> float | None:
    """Return the median of days from one stage to the next, of the leads that passed both."""
    both = [lead for lead in leads if lead[previous] is not None and lead[stage] is not None]
    days = sorted(max((lead[stage] - lead[previous]).total_seconds() / 86_400, 0.0) for lead in both)
    return days[len(days) // 2] if days else None


def channel_roi(history: History, as_of: datetime) -> pa.Table:
    """Return by campaign, channel and source: touches, customers won, their revenue, the costs, and the return.

    Each touch in the 90 days before a first order gets an equal part of the customer's revenue of its first year; a
    source gets all of the revenue of the customers that came by it. Without costs in the table `campaigns` the return
    is unknown, and so it is for a source, which has no cost of its own.
    """
    orders, touches = rows_known_at("orders"), rows_known_at("touches")
    return query_as_of(
        history,
        f"""
        WITH first AS (SELECT customer_id, min(ordered_at) AS at FROM {orders} WHERE amount > 0 GROUP BY customer_id),
        earned AS (SELECT first.customer_id, first.at, sum(amount) AS revenue FROM first JOIN {orders} AS o
            ON o.customer_id = first.customer_id AND ordered_at < first.at + INTERVAL 365 DAY GROUP BY ALL),
        journeys AS (SELECT t.customer_id, coalesce(campaign, '') AS campaign, coalesce(channel, '') AS channel,
                revenue, count(*) OVER (PARTITION BY t.customer_id) AS places
            FROM {touches} AS t JOIN earned USING (customer_id)
            WHERE occurred_at < earned.at AND occurred_at >= earned.at - INTERVAL {LOOK_BACK_DAYS} DAY),
        reached AS (SELECT coalesce(campaign, '') AS campaign, coalesce(channel, '') AS channel, count(*) AS touches
            FROM {touches} GROUP BY ALL),
        credit AS (SELECT campaign, channel, sum(1 / places) AS won, sum(revenue / places) AS revenue
            FROM journeys GROUP BY ALL),
        costs AS (SELECT campaign, sum(cost) AS cost FROM {rows_known_at("campaigns")} GROUP BY campaign),
        lines AS (SELECT 'campaign' AS dimension, campaign AS value, sum(touches) AS touches, sum(won) AS customers_won,
                sum(revenue) AS revenue, any_value(cost) AS cost
            FROM reached LEFT JOIN credit USING (campaign, channel) LEFT JOIN costs USING (campaign)
            GROUP BY campaign
            UNION ALL
            SELECT 'channel', channel, sum(touches), sum(won), sum(revenue), sum(cost * part)
            FROM (SELECT *, touches / sum(touches) OVER (PARTITION BY campaign) AS part FROM reached)
                LEFT JOIN credit USING (campaign, channel) LEFT JOIN costs USING (campaign) GROUP BY channel
            UNION ALL
            SELECT 'source', coalesce(source, ''), sum(touches), count(earned.customer_id), sum(revenue), NULL
            FROM {rows_known_at("customers")} AS c LEFT JOIN earned USING (customer_id)
                LEFT JOIN (SELECT customer_id, count(*) AS touches FROM {touches} GROUP BY customer_id)
                    USING (customer_id) GROUP BY 2)
        SELECT dimension, value, coalesce(touches, 0)::BIGINT AS touches,
            coalesce(customers_won, 0)::DOUBLE AS customers_won,
            coalesce(revenue, 0)::DOUBLE AS revenue, cost::DOUBLE AS cost,
            ((coalesce(revenue, 0) - cost) / nullif(cost, 0))::DOUBLE AS roi
        FROM lines WHERE value <> '' ORDER BY dimension, revenue DESC, value
        """,
        as_of,
    )

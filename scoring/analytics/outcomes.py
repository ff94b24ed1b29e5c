"""Outcomes: retention, NPS and CSAT by quarter, what went before recoveries, and key figures by account owner."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.proportions import wilson_interval

Facts = dict[str, Any]
_QUIET_DAYS, _RECOVERY_DAYS, _BEFORE_DAYS = 120, 90, 60


def satisfaction(history: History, as_of: datetime) -> pa.Table:
    """Return by quarter: retention, revenue retention against the year before, lifetime value, NPS and mean CSAT.

    Retention at the end of a quarter: of those who ordered in the year up to a year before, the share that ordered
    in the year since. Lifetime value is what a customer spent in the year before × the years that it stays at that
    retention, 1 / (1 − retention).
    """
    orders = rows_known_at("orders")
    return query_as_of(
        history,
        f"""
        WITH quarters AS (SELECT unnest(generate_series(date_trunc('quarter', $as_of::TIMESTAMP) - INTERVAL 33 MONTH,
                date_trunc('quarter', $as_of::TIMESTAMP), INTERVAL 3 MONTH)) AS ends),
        spend AS (SELECT ends, customer_id,
                sum(amount) FILTER (ordered_at < ends - INTERVAL 12 MONTH) AS before,
                coalesce(sum(amount) FILTER (ordered_at >= ends - INTERVAL 12 MONTH), 0) AS after,
                count(*) FILTER (amount > 0 AND ordered_at >= ends - INTERVAL 12 MONTH) AS orders_after
            FROM quarters JOIN {orders} AS o ON ordered_at < ends AND ordered_at >= ends - INTERVAL 24 MONTH
            -- A year that the history does not cover whole would make growth of its beginning.
            WHERE ends - INTERVAL 24 MONTH >= (SELECT min(ordered_at) FROM {orders}) GROUP BY ALL),
        kept AS (SELECT ends, count(*) AS customers, avg((orders_after > 0)::INT) AS retention,
                sum(least(greatest(after, 0), before)) / nullif(sum(before), 0) AS gross_revenue_retention,
                sum(greatest(after, 0)) / nullif(sum(before), 0) AS net_revenue_retention,
                avg(before) / nullif(1 - avg((orders_after > 0)::INT), 0) AS lifetime_value
            FROM spend WHERE before > 0 GROUP BY ends),
        answers AS (SELECT date_trunc('quarter', answered_at) + INTERVAL 3 MONTH AS ends,
                count(*) FILTER (kind = 'nps') AS nps_answers,
                100 * (avg((score >= 9)::INT) FILTER (kind = 'nps') - avg((score <= 6)::INT) FILTER (kind = 'nps'))
                    AS nps,
                avg(score) FILTER (kind = 'csat') AS csat
            FROM {rows_known_at("surveys")} WHERE score IS NOT NULL GROUP BY 1)
        SELECT strftime(ends - INTERVAL 1 DAY, '%Y') || '-Q' || quarter(ends - INTERVAL 1 DAY) AS quarter,
            customers, retention, gross_revenue_retention, net_revenue_retention, lifetime_value, nps, nps_answers, csat
        FROM kept LEFT JOIN answers USING (ends) ORDER BY ends
        """,
        as_of,
    )


def best_practice(history: History, as_of: datetime) -> tuple[pa.Table, Facts]:
    """Return by kind of contact how often quiet customers ordered again after it, beside those without any.

    A customer is quiet 120 days after an order that no other followed. It recovers with an order in the next 90 days;
    contacts count in the 60 days before that point. An association: whom one calls is not chosen by chance.
    """
    orders = rows_known_at("orders")
    found = query_as_of(
        history,
        f"""
        WITH days AS (SELECT DISTINCT customer_id, ordered_at::DATE AS day FROM {orders} WHERE amount > 0),
        gaps AS (SELECT customer_id, day + {_QUIET_DAYS} AS quiet_at,
                lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS next FROM days),
        episodes AS (SELECT customer_id, quiet_at,
                coalesce(next < quiet_at + {_RECOVERY_DAYS}, false) AS recovered
            FROM gaps WHERE (next IS NULL OR next > quiet_at) AND quiet_at + {_RECOVERY_DAYS} <= $as_of::DATE),
        done AS (
            SELECT customer_id, channel AS action, occurred_at AS done_at FROM {rows_known_at("interactions")}
                WHERE coalesce(direction, 'outbound') = 'outbound' AND channel IS NOT NULL
            UNION ALL SELECT customer_id, 'ticket solved', resolved_at FROM {rows_known_at("tickets")}
                WHERE resolved_at IS NOT NULL
            UNION ALL SELECT customer_id, action, "at" FROM {rows_known_at("interventions")}
                WHERE action IS NOT NULL AND NOT coalesce(held_out, false)),
        before AS (SELECT DISTINCT e.customer_id, e.quiet_at, recovered, action FROM episodes AS e
            LEFT JOIN done ON done.customer_id = e.customer_id AND done_at < e.quiet_at
                AND done_at >= e.quiet_at - {_BEFORE_DAYS})
        SELECT coalesce(action, '') AS action, count(*) AS customers, count(*) FILTER (recovered) AS recovered
        FROM before GROUP BY ALL ORDER BY action
        """,
        as_of,
    ).to_pylist()
    base = next((row for row in found if row["action"] == ""), {"customers": 0, "recovered": 0})
    rate = base["recovered"] / base["customers"] if base["customers"] else None
    rows = [_with_rate(row, rate) for row in found if row["action"] != ""]
    rows.sort(key=lambda row: -row["rate"])
    schema = pa.schema(
        {"action": pa.string(), "customers": pa.int64(), "recovered": pa.int64(), "rate": pa.float64(),
         "low": pa.float64(), "high": pa.float64(), "against_no_contact": pa.float64()}
    )  # fmt: skip
    facts = {"quiet_days": _QUIET_DAYS, "recovery_days": _RECOVERY_DAYS, "without_contact": base["customers"],
             "rate_without_contact": rate}  # fmt: skip
    return pa.Table.from_pylist(rows, schema), facts


def key_figures(history: History, as_of: datetime, known: pa.Table) -> pa.Table:
    """Return by account owner: customers, revenue and its growth, retention, deals won, contacts, overdue amount.

    ``known`` has the customer_id of who was known by then: the table of customers need not say since when.
    """
    history.connection.register("known_customers", known)
    try:
        return _by_owner(history, as_of)
    finally:
        history.connection.unregister("known_customers")


def _by_owner(history: History, as_of: datetime) -> pa.Table:
    orders, year = rows_known_at("orders"), "$as_of::TIMESTAMP - INTERVAL 365 DAY"
    two = "$as_of::TIMESTAMP - INTERVAL 730 DAY"
    return query_as_of(
        history,
        f"""
        WITH who AS (SELECT customer_id, coalesce(owner, '') AS owner
            FROM known_customers LEFT JOIN {rows_known_at("customers")} AS c USING (customer_id)),
        spent AS (SELECT customer_id, coalesce(sum(amount) FILTER (ordered_at >= {year}), 0) AS now,
                coalesce(sum(amount) FILTER (ordered_at < {year} AND ordered_at >= {two}), 0) AS before,
                count(*) FILTER (amount > 0 AND ordered_at >= {year}) > 0 AS kept
            FROM {orders} GROUP BY customer_id),
        talks AS (SELECT customer_id, count(*) AS contacts FROM {rows_known_at("interactions")}
            WHERE occurred_at >= {year} GROUP BY customer_id),
        deals AS (SELECT customer_id, count(*) FILTER (won) AS won, sum(amount) FILTER (won) AS amount
            FROM {rows_known_at("opportunities")} WHERE closed_at >= {year} GROUP BY customer_id),
        debts AS (SELECT customer_id, sum(amount) AS overdue FROM {rows_known_at("invoices")}
            WHERE due_at < $as_of AND paid_at IS NULL GROUP BY customer_id)
        SELECT owner, count(*) AS customers, sum(now) AS revenue, sum(before) AS revenue_before,
            (sum(now) - sum(before)) / nullif(sum(before), 0) AS growth,
            avg(kept::INT) FILTER (before > 0) AS retention, sum(won)::BIGINT AS deals_won,
            sum(amount) AS amount_won, sum(contacts)::BIGINT AS contacts, sum(overdue) AS overdue
        FROM who LEFT JOIN spent USING (customer_id) LEFT JOIN talks USING (customer_id)
            LEFT JOIN deals USING (customer_id) LEFT JOIN debts USING (customer_id)
        GROUP BY owner ORDER BY revenue DESC NULLS LAST, owner
        """,
        as_of,
    )


def _with_rate(row: dict[str, Any], base: float | None) -> dict[str, Any]:
    rate = row["recovered"] / row["customers"]
    low, high = wilson_interval(row["recovered"], row["customers"])
    return row | {"rate": rate, "low": low, "high": high, "against_no_contact": None if base is None else rate - base}

"""Pre-sale health: how far the relation with each prospect supports a first order."""

from datetime import datetime
from typing import Any

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at

CHECKS = ("decision_maker_known", "contact_in_30_days", "they_respond", "open_deal", "budget_clear", "no_objection",
          "engaged_in_30_days")  # fmt: skip
"""A check for which the company has no data counts neither way."""

_SCHEMA = pa.schema(
    {"customer_id": pa.string(), "score": pa.float64(), "checks_met": pa.int64(), "checks_known": pa.int64(),
     "missing": pa.list_(pa.string()), "open_amount": pa.float64(), "last_contact": pa.timestamp("us")}
)  # fmt: skip


def presale_health(history: History, as_of: datetime) -> pa.Table:
    """Return one row per prospect with a contact, engagement or open deal in the last year, the healthiest first.

    A prospect has not ordered yet. Its score is the share of the known checks that hold, of 100; `missing` names the
    others.
    """
    rows = [_scored(row) for row in _facts(history, as_of).to_pylist()]
    rows.sort(key=lambda row: (-row["score"], -row["checks_met"], row["customer_id"]))
    return pa.Table.from_pylist(rows, _SCHEMA)


def _facts(history: History, as_of: datetime) -> pa.Table:
    """Return the checks of each prospect as flags, null where nothing is known."""
    year, half, month = (f"$as_of::TIMESTAMP - INTERVAL {days} DAY" for days in (365, 182, 30))
    decides = _where_known("people", "coalesce(decides, false)")
    contacted = _where_known("talks", f"coalesce(last_contact >= {month}, false)")
    responds = _where_known("talks", "coalesce(responds, false)")
    deal = _where_known("deals", "deals.customer_id IS NOT NULL")
    engaged = _where_known("seen", f"coalesce(engaged_at >= {month}, false)")
    return query_as_of(
        history,
        f"""
        WITH buyers AS (SELECT DISTINCT customer_id FROM {rows_known_at("orders")} WHERE amount > 0),
        people AS (SELECT customer_id, bool_or(role = 'decision_maker') AS decides
            FROM {rows_known_at("contacts")} GROUP BY customer_id),
        talks AS (SELECT customer_id, max(occurred_at) AS last_contact,
                bool_or(direction = 'inbound') FILTER (occurred_at >= {half}) AS responds,
                arg_max(sentiment, occurred_at) FILTER (sentiment IS NOT NULL AND occurred_at >= {half}) AS sentiment
            FROM {rows_known_at("interactions")} WHERE occurred_at >= {year} GROUP BY customer_id),
        seen AS (SELECT customer_id, max(occurred_at) AS engaged_at FROM {rows_known_at("touches")}
            WHERE occurred_at >= {year} GROUP BY customer_id),
        deals AS (SELECT customer_id, sum(amount) AS open_amount, bool_or(c139_budget) AS budget
            FROM {rows_known_at("opportunities")} WHERE closed_at IS NULL GROUP BY customer_id)
        SELECT customer_id, open_amount::DOUBLE AS open_amount, last_contact::TIMESTAMP AS last_contact,
            {decides} AS decision_maker_known,
            {contacted} AS contact_in_30_days,
            {responds} AS they_respond,
            {deal} AS open_deal,
            budget AS budget_clear, sentiment >= 0 AS no_objection,
            {engaged} AS engaged_in_30_days
        FROM {rows_known_at("customers")} AS c LEFT JOIN people USING (customer_id) LEFT JOIN talks USING (customer_id)
            LEFT JOIN seen USING (customer_id) LEFT JOIN deals USING (customer_id)
        WHERE customer_id NOT IN (FROM buyers)
            AND (last_contact IS NOT NULL OR engaged_at IS NOT NULL OR deals.customer_id IS NOT NULL)
        """,
        as_of,
    )


def _where_known(table: str, condition: str) -> str:
    """Return a condition as SQL, null if the table is empty for everyone."""
    return f"CASE WHEN EXISTS (FROM {table}) THEN {condition} END"


def _scored(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: row[name] for name in CHECKS if row[name] is not None}
    met = sum(known.values())
    return {
        "customer_id": row["customer_id"],
        "score": 100 * met / len(known) if known else 0.0,
        "checks_met": met,
        "checks_known": len(known),
        "missing": [name for name, holds in known.items() if not holds],
        "open_amount": row["open_amount"],
        "last_contact": row["last_contact"],
    }

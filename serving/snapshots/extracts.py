"""What pages show besides scores: customer attributes and recent events, as known at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa

from rapport.durations import parse_duration
from rapport.history import History
from rapport.history.contract import by_name

RECENT = parse_duration("18mo")

# For each table: its time column, then kind, title, amount, whether the event is bad news, and details.
_EVENTS: Mapping[str, tuple[str, str]] = {
    "orders": (
        "ordered_at",
        "CASE WHEN amount >= 0 THEN 'order' ELSE 'return' END AS kind, coalesce(product, order_id) AS title, amount, "
        "amount < 0 AS bad, CASE WHEN quantity IS NULL THEN '' ELSE '× ' || quantity::VARCHAR END AS detail",
    ),
    "interactions": (
        "occurred_at",
        "coalesce(channel, 'contact') AS kind, coalesce(direction, '') AS title, NULL AS amount, "
        "coalesce(sentiment < -0.3, false) AS bad, coalesce(left(text, 200), '') AS detail",
    ),
    "touches": (
        "occurred_at",
        "'touch' AS kind, coalesce(action, '') AS title, NULL AS amount, false AS bad, "
        "concat_ws(' · ', channel, campaign, asset) AS detail",
    ),
    "opportunities": (
        "opened_at",
        "'opportunity' AS kind, coalesce(stage, opportunity_id) AS title, amount, "
        "coalesce(closed_at < $as_of AND NOT won, false) AS bad, "
        "CASE WHEN closed_at < $as_of THEN CASE WHEN won THEN 'won' ELSE 'lost' END ELSE 'open' END AS detail",
    ),
    "tickets": (
        "opened_at",
        "'ticket' AS kind, coalesce(kind, '') AS title, NULL AS amount, coalesce(kind = 'complaint', false) AS bad, "
        "CASE WHEN resolved_at < $as_of THEN 'resolved' ELSE 'open' END AS detail",
    ),
    "surveys": (
        "answered_at",
        "'survey' AS kind, coalesce(kind, '') AS title, NULL AS amount, "
        "coalesce(kind = 'nps' AND score <= 6, false) AS bad, "
        "coalesce(score::VARCHAR, '') AS detail",
    ),
    "invoices": (
        "issued_at",
        "'invoice' AS kind, invoice_id AS title, amount, "
        "due_at < $as_of AND (paid_at IS NULL OR paid_at >= $as_of OR paid_at > due_at) AS bad, "
        "CASE WHEN paid_at < $as_of THEN 'paid ' || paid_at::DATE::VARCHAR "
        "ELSE 'due ' || due_at::DATE::VARCHAR END AS detail",
    ),
    "risk_events": (
        "occurred_at",
        "'risk' AS kind, concat_ws(' · ', category, kind) AS title, amount, true AS bad, coalesce(role, '') AS detail",
    ),
    "contracts": (
        "started_at",
        "'contract' AS kind, contract_id AS title, amount, false AS bad, 'ends ' || ends_at::DATE::VARCHAR AS detail",
    ),
}  # fmt: skip
_CUSTOMER_COLUMNS = ("created_at", "name", "region", "industry", "employees", "source", "parent_id", "owner")
_OPTIONAL_COLUMNS = ("do_not_contact",)


def extracts(history: History, snapshot: pa.Table, as_of: datetime) -> dict[str, pa.Table]:
    """Return ``customers`` (a row for each row of the snapshot) and ``events`` (sorted by customer, newest first)."""
    return {"customers": _customers(history, snapshot), "events": _events(history, as_of)}


def _customers(history: History, snapshot: pa.Table) -> pa.Table:
    ids = snapshot.select(["customer_id"])
    history.connection.register("scored_ids", ids)
    try:
        names = [name for name in (*_CUSTOMER_COLUMNS, *_OPTIONAL_COLUMNS) if name in by_name("customers").names]
        columns = ", ".join(f"any_value(c.{name}) AS {name}" for name in names)
        return history.connection.sql(
            f"SELECT s.customer_id, {columns} FROM scored_ids s LEFT JOIN customers c USING (customer_id) "
            "GROUP BY s.customer_id ORDER BY s.customer_id"
        ).to_arrow_table()
    finally:
        history.connection.unregister("scored_ids")


def _events(history: History, as_of: datetime) -> pa.Table:
    parts = [
        f'SELECT customer_id, {time} AS "at", {columns} FROM {table} '
        f"WHERE {time} >= $since AND {time} < $as_of AND coalesce(recorded_at, {time}) < $as_of"
        for table, (time, columns) in _EVENTS.items()
    ]
    union = " UNION ALL ".join(f"({part})" for part in parts)
    query = (
        f'SELECT customer_id, "at", kind, title, amount::DOUBLE AS amount, bad, detail FROM ({union}) '
        'ORDER BY customer_id, "at" DESC, kind, title, amount'
    )
    return history.connection.sql(query, params={"as_of": as_of, "since": RECENT.before(as_of)}).to_arrow_table()

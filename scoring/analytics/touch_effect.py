"""Marketing engagements and what followed: orders of those reached beside those not, and carts that were left."""

from datetime import datetime

import pyarrow as pa

from rapport.history import History
from rapport.scoring.analytics.point_in_time import query_as_of, rows_known_at
from rapport.scoring.analytics.proportions import wilson_interval

WINDOW_DAYS, WINDOWS = 91, 8
"""Quarters that end before `as_of`; an engagement counts for the order of the quarter after it."""
CART_DAYS = 7


def touch_effect(history: History, as_of: datetime) -> pa.Table:
    """Return by action and campaign: the order rate in the quarter after it, that of those not reached, the multiple.

    Each customer counts once a quarter, as a lead (no order before) or a customer (an order in the year before), so
    that whoever has more time to be reached has no advantage. An association: whom one reaches is not chosen by chance.
    """
    orders, touches = rows_known_at("orders"), rows_known_at("touches")
    begins = f"$as_of::TIMESTAMP - to_days({WINDOW_DAYS} * step::INTEGER)"
    window = f"INTERVAL {WINDOW_DAYS} DAY"
    found = query_as_of(
        history,
        f"""
        WITH bought AS (SELECT customer_id, ordered_at FROM {orders} WHERE amount > 0),
        quarters AS (SELECT {begins} AS begins FROM range(1, {WINDOWS + 1}) AS steps(step)),
        past AS (SELECT customer_id, begins,
                max(ordered_at) FILTER (ordered_at < begins) AS latest,
                coalesce(bool_or(ordered_at >= begins AND ordered_at < begins + {window}), false) AS ordered
            FROM {rows_known_at("customers")} AS c CROSS JOIN quarters LEFT JOIN bought USING (customer_id)
            WHERE c.created_at IS NULL OR c.created_at < begins GROUP BY ALL),
        people AS (SELECT customer_id, begins, ordered,
                CASE WHEN latest IS NULL THEN 'lead' ELSE 'customer' END AS state
            FROM past WHERE latest IS NULL OR latest >= begins - INTERVAL 365 DAY),
        reached AS (SELECT DISTINCT customer_id, begins, unnest(['action', 'campaign']) AS dimension,
                unnest([action, campaign]) AS value
            FROM {touches} JOIN quarters ON occurred_at < begins AND occurred_at >= begins - {window}),
        totals AS (SELECT state, count(*) AS people, count(*) FILTER (ordered) AS ordered FROM people GROUP BY state),
        counts AS (SELECT state, dimension, value, count(*) AS reached, count(*) FILTER (ordered) AS ordered
            FROM people JOIN reached USING (customer_id, begins) WHERE value IS NOT NULL GROUP BY ALL)
        SELECT counts.*, people - reached AS others, totals.ordered - counts.ordered AS others_ordered
        FROM counts JOIN totals USING (state) ORDER BY state DESC, dimension, reached DESC, value
        """,
        as_of,
    )
    return pa.Table.from_pylist([_with_rates(row) for row in found.to_pylist()], _EFFECT_SCHEMA)


def carts(history: History, as_of: datetime) -> pa.Table:
    """Return by quarter: days on which a customer filled a cart, those followed by an order within a week, the rest.

    Carts of the last week are left out: their order may still come.
    """
    return query_as_of(
        history,
        f"""
        WITH filled AS (SELECT DISTINCT customer_id, occurred_at::DATE AS day FROM {rows_known_at("touches")}
            WHERE action = 'cart' AND occurred_at::DATE + {CART_DAYS} < $as_of::DATE
                AND occurred_at >= $as_of::TIMESTAMP - INTERVAL 3 YEAR),
        ended AS (SELECT day, EXISTS (SELECT 1 FROM {rows_known_at("orders")} AS o WHERE amount > 0
                AND o.customer_id = filled.customer_id
                    AND ordered_at::DATE BETWEEN day AND day + {CART_DAYS}) AS ordered
            FROM filled)
        SELECT year(day) || '-Q' || quarter(day) AS quarter, count(*) AS carts, count(*) FILTER (ordered) AS ordered,
            count(*) FILTER (NOT ordered) AS abandoned, avg((NOT ordered)::INT) AS abandoned_share
        FROM ended GROUP BY 1 ORDER BY 1
        """,
        as_of,
    )


_EFFECT_SCHEMA = pa.schema(
    {"state": pa.string(), "dimension": pa.string(), "value": pa.string(), "reached": pa.int64(),
     "ordered": pa.int64(), "rate": pa.float64(), "low": pa.float64(), "high": pa.float64(), "others": pa.int64(),
     "others_ordered": pa.int64(), "rate_of_others": pa.float64(), "multiple": pa.float64()}
)  # fmt: skip


def _with_rates(row: dict[str, int]) -> dict[str, float | None]:
    low, high = wilson_interval(row["ordered"], row["reached"])
    rate = row["ordered"] / row["reached"]
    others = row["others_ordered"] / row["others"] if row["others"] else None
    return row | {"rate": rate, "low": low, "high": high, "rate_of_others": others,
                  "multiple": rate / others if others else None}  # fmt: skip

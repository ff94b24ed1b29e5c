"""The customer tree: features of a customer's parent, siblings and children, from what is known of each of them.

Relatives are the parent, the other children of the same parent, and the customer's own children; each counts once.
``parent_id`` has no time of its own, so the tree is used only if the company lists it among its fixed attributes; a
customer's position in the tree is known from when its row of ``customers`` is.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from rapport.features.catalog.families.relatives import RELATIVES
from rapport.features.measures import FIXED_POINT_SCALE

RELATIVE_INPUTS = ("state", "spend_sum_365d", "days_since_last_order", "complaints_count_365d")
"""The columns that are read of every known customer."""

# Sums are of fixed-point integers, so that the order of relatives does not change the last digit.
_TOTALS = f"""
    count(*) AS customers,
    count(*) FILTER (state = 'active') AS active,
    count(*) FILTER (state = 'lapsed') AS lapsed,
    sum(round(spend_sum_365d * {FIXED_POINT_SCALE})::BIGINT) AS spend,
    min(days_since_last_order, 2) AS nearest,
    sum(complaints_count_365d)::BIGINT AS complaints
"""

_SQL = f"""
WITH tree AS MATERIALIZED (
    SELECT known.*, CASE WHEN own.parent_id <> known.customer_id THEN own.parent_id END AS parent_id
    FROM known_customers AS known LEFT JOIN customers_versions() AS own ON own.customer_id = known.customer_id
        AND (own.created_at IS NULL OR own.created_at < known.cutoff)
        AND (own.recorded_at IS NULL OR own.recorded_at < known.cutoff)
        AND (own.known_until IS NULL OR own.known_until >= known.cutoff)
),
family AS (SELECT parent_id, cutoff, {_TOTALS} FROM tree WHERE parent_id IS NOT NULL GROUP BY ALL),
self AS (
    SELECT requested.row_index, own.customer_id, own.parent_id, own.cutoff, own.state = 'active' AS active,
        own.state = 'lapsed' AS lapsed, round(own.spend_sum_365d * {FIXED_POINT_SCALE})::BIGINT AS spend,
        own.days_since_last_order AS since, own.complaints_count_365d::BIGINT AS complaints
    FROM requested_rows AS requested
    JOIN tree AS own ON own.customer_id = requested.customer_id AND own.cutoff = requested.cutoff
)
SELECT
    COALESCE(sibling.customers - 1, 0) + COALESCE(child.customers, 0) + (up.customer_id IS NOT NULL)::INT AS customers,
    COALESCE(sibling.active - self.active::INT, 0) + COALESCE(child.active, 0)
        + COALESCE(up.state = 'active', false)::INT AS active,
    COALESCE(sibling.lapsed - self.lapsed::INT, 0) + COALESCE(child.lapsed, 0)
        + COALESCE(up.state = 'lapsed', false)::INT AS lapsed,
    (COALESCE(sibling.spend - self.spend, 0) + COALESCE(child.spend, 0)
        + COALESCE(round(up.spend_sum_365d * {FIXED_POINT_SCALE})::BIGINT, 0)) / {FIXED_POINT_SCALE}.0
        AS spend_sum_365d,
    LEAST(
        CASE WHEN sibling.nearest[1] = self.since THEN sibling.nearest[2] ELSE sibling.nearest[1] END,
        child.nearest[1],
        up.days_since_last_order
    ) AS days_since_last_order,
    COALESCE(sibling.complaints - self.complaints, 0) + COALESCE(child.complaints, 0)
        + COALESCE(up.complaints_count_365d, 0)::BIGINT AS complaints_count_365d,
    CASE parent.state WHEN 'active' THEN 1 WHEN 'lapsed' THEN 0 END AS parent
FROM self
LEFT JOIN family AS sibling ON sibling.parent_id = self.parent_id AND sibling.cutoff = self.cutoff
LEFT JOIN family AS child ON child.parent_id = self.customer_id AND child.cutoff = self.cutoff
LEFT JOIN tree AS parent ON parent.customer_id = self.parent_id AND parent.cutoff = self.cutoff
-- Two customers that name each other as parent are child and parent at once: counted as the child.
LEFT JOIN tree AS up ON up.customer_id = self.parent_id AND up.cutoff = self.cutoff
    AND up.parent_id IS DISTINCT FROM self.customer_id
ORDER BY self.row_index
"""


def relatives_columns(
    connection: duckdb.DuckDBPyConnection, requested: pa.Table, known_customers: pa.Table, tables: Collection[str]
) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Return the columns of the customer tree for the ``requested`` rows (customer_id, cutoff), in their order.

    ``known_customers`` are all customers known at those cutoffs, with ``cutoff`` and ``RELATIVE_INPUTS``; ``tables``
    are the tables that the company keeps.
    """
    indexed = requested.append_column("row_index", pa.array(range(len(requested)), pa.int64()))
    connection.register("requested_rows", indexed)
    connection.register("known_customers", known_customers)
    try:
        rows = connection.sql(_SQL).to_arrow_table()
    finally:
        connection.unregister("requested_rows")
        connection.unregister("known_customers")
    measurable = {"complaints_count_365d": "tickets" in tables}
    return {
        feature.name: rows[str(feature.relatives)].cast(pa.float64())
        if "customers" in tables and measurable.get(str(feature.relatives), True)
        else pa.nulls(len(requested), pa.float64())
        for feature in RELATIVES
    }

"""The customer tree: how a customer's parent, sisters and children fare, told from what is known of each of them.

Relatives are the parent, the other children of the same parent, and the customer's own children; each counts once.
Who belongs to whom has no time of its own, so the tree is used only by a company that lists ``parent_id`` among its
fixed attributes; a customer's place in it is known from when its row of ``customers`` is.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa
from rapport.features.families.tree import KIN
from rapport.features.measures import TICKS

PARENT = "parent_id"

READ = ("state", "spend_sum_365d", "days_since_last_order", "complaints_count_365d")
"""What is read of every person, relative or not."""

# Sums are of whole ticks, so that no order of relatives shows in their last digit.
_TOTALS = f"""
    count(*) AS customers,
    count(*) FILTER (state = 'active') AS active,
    count(*) FILTER (state = 'lapsed') AS lapsed,
    sum(round(spend_sum_365d * {TICKS})::BIGINT) AS spend,
    min(days_since_last_order, 2) AS nearest,
    sum(complaints_count_365d)::BIGINT AS complaints
"""

_SQL = f"""
WITH tree AS MATERIALIZED (
    SELECT people.*, CASE WHEN place.parent_id <> people.customer_id THEN place.parent_id END AS parent_id
    FROM kin_people AS people LEFT JOIN customers AS place ON place.customer_id = people.customer_id
        AND (place.created_at IS NULL OR place.created_at < people.cutoff)
        AND (place.recorded_at IS NULL OR place.recorded_at < people.cutoff)
),
family AS (SELECT parent_id, cutoff, {_TOTALS} FROM tree WHERE parent_id IS NOT NULL GROUP BY ALL),
told AS (
    SELECT asked.place, own.customer_id, own.parent_id, own.cutoff, own.state = 'active' AS active,
        own.state = 'lapsed' AS lapsed, round(own.spend_sum_365d * {TICKS})::BIGINT AS spend,
        own.days_since_last_order AS since, own.complaints_count_365d::BIGINT AS complaints
    FROM kin_asked AS asked JOIN tree AS own ON own.customer_id = asked.customer_id AND own.cutoff = asked.cutoff
)
SELECT
    COALESCE(sister.customers - 1, 0) + COALESCE(child.customers, 0) + (up.customer_id IS NOT NULL)::INT AS customers,
    COALESCE(sister.active - told.active::INT, 0) + COALESCE(child.active, 0)
        + COALESCE(up.state = 'active', false)::INT AS active,
    COALESCE(sister.lapsed - told.lapsed::INT, 0) + COALESCE(child.lapsed, 0)
        + COALESCE(up.state = 'lapsed', false)::INT AS lapsed,
    (COALESCE(sister.spend - told.spend, 0) + COALESCE(child.spend, 0)
        + COALESCE(round(up.spend_sum_365d * {TICKS})::BIGINT, 0)) / {TICKS}.0 AS spend_sum_365d,
    LEAST(
        CASE WHEN sister.nearest[1] = told.since THEN sister.nearest[2] ELSE sister.nearest[1] END,
        child.nearest[1],
        up.days_since_last_order
    ) AS days_since_last_order,
    COALESCE(sister.complaints - told.complaints, 0) + COALESCE(child.complaints, 0)
        + COALESCE(up.complaints_count_365d, 0)::BIGINT AS complaints_count_365d,
    CASE parent.state WHEN 'active' THEN 1 WHEN 'lapsed' THEN 0 END AS parent
FROM told
LEFT JOIN family AS sister ON sister.parent_id = told.parent_id AND sister.cutoff = told.cutoff
LEFT JOIN family AS child ON child.parent_id = told.customer_id AND child.cutoff = told.cutoff
LEFT JOIN tree AS parent ON parent.customer_id = told.parent_id AND parent.cutoff = told.cutoff
-- Two that name each other as parent are child and parent at once: counted as the child.
LEFT JOIN tree AS up ON up.customer_id = told.parent_id AND up.cutoff = told.cutoff
    AND up.parent_id IS DISTINCT FROM told.customer_id
ORDER BY told.place
"""


def kin_columns(
    connection: duckdb.DuckDBPyConnection, asked: pa.Table, people: pa.Table, kept: Collection[str]
) -> dict[str, pa.ChunkedArray]:
    """Return the columns of the tree for the customers ``asked`` (customer_id, cutoff), in their order.

    ``people`` are all customers known at those cutoffs, with ``cutoff`` and what ``READ`` names.
    """
    connection.register("kin_asked", asked.append_column("place", pa.array(range(len(asked)), pa.int64())))
    connection.register("kin_people", people)
    try:
        rows = connection.sql(_SQL).to_arrow_table()
    finally:
        connection.unregister("kin_asked")
        connection.unregister("kin_people")
    known = {"complaints_count_365d": "tickets" in kept}
    return {
        feature.name: rows[str(feature.relatives)].cast(pa.float64())
        if "customers" in kept and known.get(str(feature.relatives), True)
        else pa.nulls(len(asked), pa.float64())
        for feature in KIN
    }

"""Targets: which customers are scored, and which outcome is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapport.features.engine.prepared_tables import day_range_sql
from rapport.features.states import ACTIVE, NEW
from rapport.history.contract import by_name

MAX_SPANS = 30
"""The number of spans whose segments fit in the 63 bits of one integer."""


@dataclass(frozen=True)
class Target:
    """A prediction target; ``eligible`` is the state of the customers that are scored.

    churn: an order in the active window; the outcome is no order in the horizon.
    conversion: known, no order, created or touched in the active window, not closed; the outcome is a first order or
    an opportunity won in the horizon.
    """

    name: str
    eligible: str


TARGETS = {"churn": Target("churn", ACTIVE), "conversion": Target("conversion", NEW)}


def outcomes_sql(target: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return SQL for (customer_id, day): customers with the event in the days ``[day, end)`` of each span.

    The SQL reads the events once: the edges of all spans cut time into segments, and each segment with an event sets
    one bit of the customer.
    """
    groups = [spans[first : first + MAX_SPANS] for first in range(0, len(spans), MAX_SPANS)]
    return " UNION ALL ".join(_group_outcomes_sql(target, group) for group in groups)


def _group_outcomes_sql(target: str, spans: Sequence[tuple[int, int]]) -> str:
    edges = sorted({edge for span in spans for edge in span})
    segment = " + ".join(f"(day >= {edge})::INTEGER" for edge in edges)
    masks = ", ".join(
        f"({begin}, {sum(1 << (index + 1) for index, edge in enumerate(edges) if begin <= edge < end)})"
        for begin, end in spans
    )
    return (
        f"SELECT customer_id, span.day FROM (SELECT customer_id, bit_or(1::BIGINT << ({segment})) AS bits "
        f"FROM ({_events_sql(target, edges[0], edges[-1])}) WHERE day >= {edges[0]} AND day < {edges[-1]} "
        "GROUP BY customer_id) "
        f"JOIN (VALUES {masks}) AS span(day, mask) ON bits & mask <> 0"
    )


def _events_sql(target: str, first: int, end: int) -> str:
    in_range = day_range_sql(by_name("orders"), first, end)
    orders = f"SELECT customer_id, day FROM src_orders WHERE amount > 0 AND {in_range}"
    if target == "churn":
        return orders
    won = "SELECT customer_id, GREATEST(closed_at_day, day) AS day FROM src_opportunities WHERE won"
    return f"{orders} UNION ALL {won} AND closed_at_day IS NOT NULL"

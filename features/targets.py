"""Targets and states: who is scored, and what counts as the outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapport.features.measures import Events, Measure
from rapport.features.sources import around
from rapport.history.contract import by_name

ACTIVE, LAPSED, NEW, CLOSED, SILENT = "active", "lapsed", "new", "closed", "silent"

_orders, _opportunities = Events("orders"), Events("open_opportunities")

STATE_MEASURES: Mapping[str, Measure] = {
    "state_last_order": _orders.largest("day"),
    "state_created": Events("customers").largest("day"),
    "state_touched": Events("touches").largest("day"),
    "state_interacted": Events("interactions").largest("day"),
    "state_open": _opportunities.sum("change"),
    "state_closed": Events("closings").count(),
}
"""What the state of a customer is told from."""


@dataclass(frozen=True)
class Target:
    """What is predicted: ``eligible`` is the state of those who are scored.

    churn: an order in the active window; the outcome is no order in the horizon.
    conversion: known, no order, created or touched in the active window, not closed; the outcome is a first order or
    an opportunity won in the horizon.
    """

    name: str
    eligible: str


TARGETS = {"churn": Target("churn", ACTIVE), "conversion": Target("conversion", NEW)}


def outcomes_sql(target: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return SQL for (customer_id, day): who had the event in the days ``[day, end)`` of each span, as far as is known.

    One pass: the edges of all spans cut time into segments, and a customer's segments with an event are bits.
    """
    groups = [spans[first : first + MOST_SPANS] for first in range(0, len(spans), MOST_SPANS)]
    return " UNION ALL ".join(_outcomes_of_some(target, group) for group in groups)


MOST_SPANS = 30
"""Spans whose segments fit in the 63 bits of one integer."""


def _outcomes_of_some(target: str, spans: Sequence[tuple[int, int]]) -> str:
    edges = sorted({edge for span in spans for edge in span})
    segment = " + ".join(f"(day >= {edge})::INTEGER" for edge in edges)
    masks = ", ".join(
        f"({begin}, {sum(1 << (place + 1) for place, edge in enumerate(edges) if begin <= edge < end)})"
        for begin, end in spans
    )
    return (
        f"SELECT customer_id, span.day FROM (SELECT customer_id, bit_or(1::BIGINT << ({segment})) AS bits "
        f"FROM ({_events(target, edges[0], edges[-1])}) WHERE day >= {edges[0]} AND day < {edges[-1]} "
        "GROUP BY customer_id) "
        f"JOIN (VALUES {masks}) AS span(day, mask) ON bits & mask <> 0"
    )


def _events(target: str, first: int, end: int) -> str:
    bought = f"SELECT customer_id, day FROM src_orders WHERE amount > 0 AND {around(by_name('orders'), first, end)}"
    if target == "churn":
        return bought
    won = "SELECT customer_id, GREATEST(closed_at_day, day) AS day FROM src_opportunities WHERE won"
    return f"{bought} UNION ALL {won} AND closed_at_day IS NOT NULL"

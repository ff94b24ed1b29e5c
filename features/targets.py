"""Targets and states: who is scored, and what counts as the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis

from features.measures import Events, Measure

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


def state(done: ibis.Table) -> dict[str, ibis.Value]:
    """Return the column ``state`` from the finished state measures."""
    ordered = done.state_last_order.notnull()
    recent = ibis.greatest(
        done.state_created.coalesce(-1e9),
        done.state_touched.coalesce(-1e9),
        done.state_interacted.coalesce(-1e9),
    )
    closed = (done.state_open <= 0) & (done.state_closed > 0)
    return {
        "state": ibis.cases(
            (ordered & (done.state_last_order >= done.active_from), ACTIVE),
            (ordered, LAPSED),
            (closed, CLOSED),
            (recent >= done.active_from, NEW),
            else_=SILENT,
        )
    }


def outcome_sql(target: str, begin: int, end: int) -> str:
    """Return SQL for the customers with an order (or a win) in the days ``[begin, end)``, as far as is known."""
    bought = f"SELECT customer_id FROM src_orders WHERE amount > 0 AND day >= {begin} AND day < {end}"
    if target == "churn":
        return bought
    won = (
        "SELECT customer_id FROM src_opportunities WHERE won AND closed_at_day IS NOT NULL "
        f"AND GREATEST(closed_at_day, day) >= {begin} AND GREATEST(closed_at_day, day) < {end}"
    )
    return f"{bought} UNION {won}"

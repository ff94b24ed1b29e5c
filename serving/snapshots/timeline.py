"""The recent events of one customer as pages list them, made from its contract rows as known at the cutoff."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rapport.durations import parse_duration
from rapport.serving.snapshots.contract_rows import Rows

RECENT = parse_duration("18mo")
_TEXT_LENGTH = 200
_NEGATIVE_SENTIMENT, _DETRACTOR = -0.3, 6

Row = Mapping[str, Any]
Shown = tuple[str, str, bool, str]
"""Kind, title, whether it is bad news, and details."""


def timeline(rows: Rows, as_of: datetime) -> list[dict[str, Any]]:
    """Return the events of the last 18 months before ``as_of``, newest first; later facts of a row are not shown."""
    cutoff = as_of.replace(tzinfo=None)
    since = RECENT.before(cutoff)
    events = [
        _event(row, row[time], shown(row, cutoff))
        for table, (time, shown) in _SHOWN.items()
        for row in rows.get(table, ())
        if since <= row[time] < cutoff and (row.get("recorded_at") or row[time]) < cutoff
    ]
    events.sort(key=lambda event: (event["kind"], event["title"], event["amount"] is None, event["amount"] or 0.0))
    return sorted(events, key=lambda event: event["at"], reverse=True)


def _event(row: Row, at: datetime, shown: Shown) -> dict[str, Any]:
    kind, title, bad, detail = shown
    amount = row.get("amount")
    return {
        "customer_id": row["customer_id"],
        "at": at,
        "kind": kind,
        "title": title,
        "amount": None if amount is None else float(amount),
        "bad": bad,
        "detail": detail,
    }


def _order(row: Row, _cutoff: datetime) -> Shown:
    quantity, is_return = row.get("quantity"), row["amount"] < 0
    title = row.get("product")
    detail = "" if quantity is None else f"× {quantity}"
    return "return" if is_return else "order", row["order_id"] if title is None else title, is_return, detail


def _interaction(row: Row, _cutoff: datetime) -> Shown:
    sentiment, channel = row.get("sentiment"), row.get("channel")
    is_negative = sentiment is not None and sentiment < _NEGATIVE_SENTIMENT
    kind = "contact" if channel is None else channel
    return kind, row.get("direction") or "", is_negative, (row.get("text") or "")[:_TEXT_LENGTH]


def _touch(row: Row, _cutoff: datetime) -> Shown:
    return "touch", row.get("action") or "", False, _joined(row, ("channel", "campaign", "asset"))


def _opportunity(row: Row, cutoff: datetime) -> Shown:
    stage, won = row.get("stage"), row.get("won")
    is_closed = _is_before(row.get("closed_at"), cutoff)
    detail = ("won" if won else "lost") if is_closed else "open"
    title = row["opportunity_id"] if stage is None else stage
    return "opportunity", title, is_closed and won is False, detail


def _ticket(row: Row, cutoff: datetime) -> Shown:
    kind = row.get("kind") or ""
    detail = "resolved" if _is_before(row.get("resolved_at"), cutoff) else "open"
    return "ticket", kind, kind == "complaint", detail


def _survey(row: Row, _cutoff: datetime) -> Shown:
    kind, score = row.get("kind") or "", row.get("score")
    is_bad = kind == "nps" and score is not None and score <= _DETRACTOR
    return "survey", kind, is_bad, "" if score is None else str(score)


def _invoice(row: Row, cutoff: datetime) -> Shown:
    due, paid = row["due_at"], row.get("paid_at")
    is_paid = _is_before(paid, cutoff)
    is_late = due < cutoff and (not is_paid or paid is None or paid > due)
    detail = f"paid {paid:%Y-%m-%d}" if is_paid and paid else f"due {due:%Y-%m-%d}"
    return "invoice", row["invoice_id"], is_late, detail


def _risk_event(row: Row, _cutoff: datetime) -> Shown:
    # What the customer claims from others is no bad news about the customer.
    role = row.get("role") or ""
    return "risk", _joined(row, ("category", "kind")), role.lower() != "plaintiff", role


def _contract(row: Row, _cutoff: datetime) -> Shown:
    return "contract", row["contract_id"], False, f"ends {row['ends_at']:%Y-%m-%d}"


def _is_before(moment: datetime | None, cutoff: datetime) -> bool:
    return moment is not None and moment < cutoff


def _joined(row: Row, names: Sequence[str]) -> str:
    return " · ".join(str(row[name]) for name in names if row.get(name) is not None)


_SHOWN: Mapping[str, tuple[str, Callable[[Row, datetime], Shown]]] = {
    "orders": ("ordered_at", _order),
    "interactions": ("occurred_at", _interaction),
    "touches": ("occurred_at", _touch),
    "opportunities": ("opened_at", _opportunity),
    "tickets": ("opened_at", _ticket),
    "surveys": ("answered_at", _survey),
    "invoices": ("issued_at", _invoice),
    "risk_events": ("occurred_at", _risk_event),
    "contracts": ("started_at", _contract),
}

TABLES = tuple(_SHOWN)

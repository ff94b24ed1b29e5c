"""Alerts on events: the company's rules on live scores, seconds after an event came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from rapport.features.engine.clock import local_time
from rapport.history.content.signals import Signal, content_signals
from rapport.history.settings import Settings
from rapport.scoring.alerts import AlertContext, AlertRules, raise_alerts, within_capacity
from rapport.serving.jobs.alert_delivery import DATABASE, WEEK, follow_up
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.live.event_store import StoredEvent
from rapport.serving.snapshots.holdout import held_out_now
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.work.alert_inbox import muted_causes

_COLUMNS = {
    "customer_id": pa.string(), "probability": pa.float64(), "tier": pa.string(), "value_at_risk": pa.float64(),
    "state": pa.string(), "name": pa.string(), "health_score": pa.float64(), "lead_grade": pa.string(),
}  # fmt: skip
Rows = Mapping[str, Mapping[str, Any]]


class LiveAlerts:
    """Evaluates the rules on customers whose events came in."""

    def __init__(
        self, data_dir: Path, settings: Settings, rules: Callable[[], AlertRules], channels: Sequence[str]
    ) -> None:
        self._data_dir, self._settings, self._channels, self._rules = data_dir, settings, channels, rules

    def __call__(self, model: LiveModel, rows: Rows, events: Sequence[StoredEvent], now: datetime) -> int:
        """Raise the alerts of some live rows; return how many are new."""
        card, rules = model.bundle.card, self._rules().for_target(model.target)
        held_out = held_out_now(self._data_dir, self._settings)
        chosen = [row for one, row in rows.items() if one not in held_out]
        if card is None or not chosen or not rules.rules:
            return 0
        as_of = local_time(now, self._settings.timezone).replace(microsecond=0) + timedelta(seconds=1)
        context = AlertContext(as_of, card.card, _table(chosen, rules), _before(chosen), _matching(events, rules))
        outbox = Outbox(self._data_dir / DATABASE)
        muted = muted_causes(self._data_dir)
        raised = raise_alerts(rules, context, outbox.last_raised())
        found = [one for one in raised if (one.customer_id, one.cause) not in muted]
        kept = within_capacity(found, rules.capacity_per_week, outbox.customers_since(as_of - WEEK))
        new = outbox.put(kept, self._channels, None, rules.deliverable(now, self._settings.timezone))
        owners = {row["customer_id"]: row.get("owner") for row in chosen}
        follow_up(self._data_dir, self._settings, rules, new, owners=owners, now=now)
        return len(new)


def _table(rows: Sequence[Mapping[str, Any]], rules: AlertRules) -> pa.Table:
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in _COLUMNS.items()}
    features = {name: pa.array([row["features"].get(name) for row in rows], pa.float64()) for name in rules.features}
    return pa.table(columns | features)


def _before(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Return the scores and tiers of a month ago, as each row's run archived them."""
    return pa.table(
        {
            "customer_id": pa.array([row["customer_id"] for row in rows], pa.string()),
            "probability": pa.array([row.get("probability_30d") for row in rows], pa.float64()),
            "tier": pa.array([row.get("tier_30d") for row in rows], pa.string()),
        }
    )


def _matching(events: Sequence[StoredEvent], rules: AlertRules) -> pa.Table:
    found = [
        {"customer_id": event.customer_id, "rule": rule.name, "detail": _detail(event.row)}
        for event in events
        for rule in rules.events
        if event.row is not None and event.table == rule.when["table"] and _fits(event.row, rule.when["where"])
    ]
    found += [
        {"customer_id": event.customer_id, "rule": rule.name, "detail": signal.quote}
        for event in events
        for signal in _signals(event)
        for rule in rules.signals
        if rule.when["signal"] == signal.kind
    ]
    schema = pa.schema({"customer_id": pa.string(), "rule": pa.string(), "detail": pa.string()})
    return pa.Table.from_pylist(found, schema)


def _signals(event: StoredEvent) -> tuple[Signal, ...]:
    """Return what a customer's own words in an interaction signal."""
    row = event.row or {}
    if event.table != "interactions" or not row.get("text") or row.get("direction") == "outbound":
        return ()
    return content_signals(str(row["text"]))


def _fits(row: Mapping[str, object], where: Mapping[str, str]) -> bool:
    return all(row.get(name) == value for name, value in where.items())


def _detail(row: Mapping[str, object]) -> str:
    return ", ".join(str(row[name]) for name in ("kind", "category", "role") if row.get(name))

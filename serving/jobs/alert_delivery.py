"""Raise the alerts of a snapshot, store them in the outbox, and deliver them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from rapport.history import History
from rapport.scoring.alerts import AlertContext, AlertRules, new_events, raise_alerts, within_capacity
from rapport.serving.jobs.alert_effects import follow_up
from rapport.serving.jobs.channels import Channel
from rapport.serving.jobs.outbox import Delivery, Outbox
from rapport.serving.snapshots.holdout import held_out_now
from rapport.serving.work.alert_inbox import muted_causes

WEEK = timedelta(days=7)
DATABASE = "alerts.db"


def _owners(scores: pa.Table) -> dict[str, str | None]:
    if "owner" not in scores.column_names:
        return {}
    return dict(zip(scores["customer_id"].to_pylist(), scores["owner"].to_pylist(), strict=True))


@dataclass(frozen=True)
class AlertReport:
    """The alerts raised, those held back by the weekly capacity, and the result of each channel."""

    raised: int
    held_back: int
    deliveries: dict[str, Delivery]

    @property
    def failed(self) -> int:
        """Return how many deliveries failed; all of them are kept."""
        return sum(one.failed for one in self.deliveries.values())


def deliver_alerts(  # each is one thing that an alert depends on
    history: History,
    data_dir: Path,
    context: AlertContext,
    rules: AlertRules,
    *,
    now: datetime,
    channels: Sequence[Channel] = (),
) -> AlertReport:
    """Raise and deliver the new alerts of one snapshot; a second run for the same snapshot raises nothing new."""
    outbox = Outbox(data_dir / DATABASE)
    since = outbox.events_read_until() or context.as_of - WEEK
    context = replace(context, events=new_events(history, rules, since, context.as_of))
    held_out = held_out_now(data_dir, history.settings)
    found, muted = raise_alerts(rules, context, outbox.last_raised()), muted_causes(data_dir)
    # A held-out customer's alert would lead someone to call.
    alerts = [one for one in found if one.customer_id not in held_out and (one.customer_id, one.cause) not in muted]
    customers_this_week = outbox.customers_since(context.as_of - WEEK)
    chosen = within_capacity(alerts, rules.capacity_per_week, customers_this_week)
    settings = history.settings
    deliverable = rules.deliverable(now, settings.timezone)
    new = outbox.put(chosen, [channel.name for channel in channels], context.as_of, deliverable)
    follow_up(data_dir, settings, rules, new, owners=_owners(context.scores), now=now)
    deliveries = {channel.name: outbox.deliver(channel, now) for channel in channels}
    return AlertReport(raised=len(chosen), held_back=len(alerts) - len(chosen), deliveries=deliveries)

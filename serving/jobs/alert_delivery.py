"""Raise and deliver the alerts of a snapshot, and what they lead to: changes in the feed, tasks, escalations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from rapport.features.engine.clock import local_time
from rapport.history import History
from rapport.history.settings import Settings
from rapport.scoring.alerts import Alert, AlertContext, AlertRules, new_events, raise_alerts, within_capacity
from rapport.serving.errors import message
from rapport.serving.jobs.channels import Channel
from rapport.serving.jobs.outbox import Delivery, Outbox
from rapport.serving.live.change_store import ChangeStore
from rapport.serving.shapes.feed_answers import AlertFields
from rapport.serving.snapshots.holdout import held_out_now
from rapport.serving.work.alert_inbox import muted_causes
from rapport.serving.work.tasks import NewTask, TaskStore

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


_BY, _ESCALATED = "alerts", "_escalated"
_LONGEST = timedelta(days=30)


def follow_up(
    data_dir: Path,
    settings: Settings,
    rules: AlertRules,
    alerts: Sequence[Alert],
    *,
    owners: Mapping[str, str | None],
    now: datetime,
) -> None:
    """Write new alerts into the change feed, and open the tasks that their rules ask for."""
    feed, tasks = ChangeStore(data_dir, settings.change_points), TaskStore(data_dir)
    by_name = {rule.name: rule for rule in rules.rules}
    for alert in alerts:
        rule = by_name[alert.rule]
        feed.record_alert(rule.target, alert.customer_id, alert.as_dict(), as_of=alert.as_of.isoformat(), now=now)
        if rule.opens_task:
            titles = alert.text.to_dict()
            owner = owners.get(alert.customer_id) or ""
            due = (now + timedelta(days=rule.escalate_days or 7)).date().isoformat()
            task = NewTask(
                alert.customer_id, rule.target, titles[settings.language], owner, due, rule.name, source="alert",
                titles=titles,
            )  # fmt: skip
            tasks.open(task, by=_BY, at=now.astimezone(UTC).isoformat(timespec="seconds"))


def escalations(data_dir: Path, settings: Settings, rules: AlertRules, outbox: Outbox, now: datetime) -> list[Alert]:
    """Return alerts that nobody acted on in time, raised once more with an id and a cause of their own.

    Alerts of held-out customers and those that somebody muted are left out.
    """
    waits = {rule.name: timedelta(days=rule.escalate_days) for rule in rules.rules if rule.escalate_days}
    if not waits:
        return []
    known, local, muted = outbox.last_raised(), local_time(now, settings.timezone), muted_causes(data_dir)
    held_out = held_out_now(data_dir, settings)
    found = []
    for body in outbox.raised_since(local - _LONGEST):
        raised, wait = datetime.fromisoformat(body["as_of"]), waits.get(body["rule"])
        customer_id, cause = body["customer_id"], body["cause"]
        if wait is None or local - local_time(raised, settings.timezone) < wait or cause.endswith(_ESCALATED):
            continue
        # A customer may have the same alert again after its cooldown.
        done = known.get((customer_id, cause + _ESCALATED))
        is_open = customer_id not in held_out and (customer_id, cause) not in muted and (done is None or done < raised)
        if is_open and not _acted(data_dir, customer_id, raised, settings.timezone):
            found.append(_escalated(body, wait.days))
    return found


def _acted(data_dir: Path, customer_id: str, since: datetime, timezone: str) -> bool:
    """Whether someone closed, postponed or noted a task of the customer since then; tasks have times in UTC."""
    zoned = since if since.tzinfo else since.replace(tzinfo=ZoneInfo(timezone))
    at = zoned.astimezone(UTC).isoformat(timespec="seconds")
    tasks = TaskStore(data_dir).list(customer_id=customer_id, since=at)
    return any(task["status"] != "open" or task["updated_at"] > task["created_at"] for task in tasks)


def _escalated(body: AlertFields, days: int) -> Alert:
    alert = Alert.from_dict(body)
    text = message("alert_escalated", days=days, alert=alert.text)
    return alert.with_text(text, id=f"{alert.id[:28]}-esc", cause=alert.cause + _ESCALATED, priority=1)

"""One look: raise what the rules see, write it down, and tell it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from rapport.history import History
from rapport.scoring.alerts import Moment, Rules, raise_alerts, watch, within_capacity
from rapport.serving.alerts.channels import Channel
from rapport.serving.alerts.outbox import Delivery, Outbox

WEEK = timedelta(days=7)
DATABASE = "alerts.db"


@dataclass(frozen=True)
class Notice:
    """What one look raised, what was left for later by the capacity, and what each channel did."""

    raised: int
    held_back: int
    deliveries: dict[str, Delivery]


def notify(
    history: History, home: Path, moment: Moment, rules: Rules, *, now: datetime, channels: Sequence[Channel] = ()
) -> Notice:
    """Look once after a night's scores and tell what is new; a second run of the same night tells nothing new."""
    outbox = Outbox(home / DATABASE)
    since = outbox.last_look() or moment.as_of - WEEK
    moment = replace(moment, events=watch(history, rules, since, moment.as_of))
    alerts = raise_alerts(rules, moment, outbox.told())
    told = outbox.customers_since(moment.as_of - WEEK)
    chosen = within_capacity(alerts, rules.capacity_per_week, told)
    outbox.put(chosen, [channel.name for channel in channels], moment.as_of, now)
    deliveries = {channel.name: outbox.deliver(channel, now) for channel in channels}
    return Notice(raised=len(chosen), held_back=len(alerts) - len(chosen), deliveries=deliveries)

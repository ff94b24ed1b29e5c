"""Replays alert rules over the past, so that a company sees what it would have been told before it switches them on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from rapport.history import History, Span
from rapport.scoring.alerts.raising import Alert, Moment, raise_alerts
from rapport.scoring.alerts.rules import Rules

from rapport.errors import CardError

FLIP_DAYS = 30
_MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class Worth:
    """What one rule's alerts, or all together, were worth. Lead time is in days from the first alert to the loss."""

    alerts: int
    precision: float | None
    lead_days: float | None


@dataclass(frozen=True)
class Replay:
    """What the rules would have told, and how much of it came true."""

    moments: int
    customer_months: float
    alerts_per_customer_month: float
    flips_back: float
    base_rate: float
    overall: Worth
    by_rule: dict[str, Worth]
    alerts: tuple[Alert, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give all figures as JSON takes them."""
        plain = {key: value for key, value in vars(self).items() if key not in ("alerts", "overall", "by_rule")}
        return plain | {
            "overall": vars(self.overall),
            "by_rule": {name: vars(worth) for name, worth in self.by_rule.items()},
        }

    def as_text(self) -> str:
        """Give the figures for reading."""
        lines = [
            f"{self.overall.alerts} alerts over {self.moments} moments: {self.alerts_per_customer_month:.3f} a customer"
            f" and month; {self.flips_back:.1%} of tier changes flip back within {FLIP_DAYS} days",
            f"base rate {self.base_rate:.3f}",
        ]
        for name, worth in {"all": self.overall, **self.by_rule}.items():
            precision = "-" if worth.precision is None else f"{worth.precision:.3f}"
            lead = "-" if worth.lead_days is None else f"{worth.lead_days:.0f} days"
            lines.append(f"  {name:<18}{worth.alerts:>6} alerts, precision {precision}, median lead {lead}")
        return "\n".join(lines)


def replay(history: History, rules: Rules, moments: Iterable[Moment], *, active: Span, horizon: Span) -> Replay:
    """Run the rules over moments in the order of time, and judge each alert by the orders that followed.

    An alert was right if the customer did not order within the horizon. The loss is the day on which the customer
    stopped being active: the last order before the alert plus the active window.
    """
    told: dict[tuple[str, str], datetime] = {}
    alerts: list[Alert] = []
    seen: list[tuple[datetime, list[str]]] = []
    tiers: list[tuple[datetime, dict[str, str | None]]] = []
    for moment in moments:
        raised = raise_alerts(rules, moment, told)
        told |= {(alert.customer_id, alert.cause): moment.as_of for alert in raised}
        alerts += raised
        ids = moment.book["customer_id"].to_pylist()
        seen.append((moment.as_of, ids))
        tiers.append((moment.as_of, dict(zip(ids, moment.book["tier"].to_pylist(), strict=True))))
    if len(seen) < 2:
        raise CardError("A replay needs at least two moments in the past. Give more of them, such as one a week.")
    months = _customer_months(seen)
    left = _left(history, [(name, at) for at, ids in seen for name in ids], horizon)
    lost = _lost_at(history, [(alert.customer_id, alert.as_of) for alert in alerts], active)
    by_rule = {rule.name: [alert for alert in alerts if alert.rule == rule.name] for rule in rules.rules}
    return Replay(
        moments=len(seen),
        customer_months=months,
        alerts_per_customer_month=len(alerts) / months,
        flips_back=flips_back(tiers),
        base_rate=float(np.mean(list(left.values()))),
        overall=_worth(alerts, left, lost),
        by_rule={name: _worth(each, left, lost) for name, each in by_rule.items()},
        alerts=tuple(alerts),
    )


def flips_back(tiers: Sequence[tuple[datetime, dict[str, str | None]]]) -> float:
    """Give the share of tier changes that are undone within 30 days."""
    changes: Counter[str] = Counter()
    last: dict[str, tuple[str, datetime]] = {}
    for (_, before), (at, now) in pairwise(tiers):
        for name, tier in now.items():
            was = before.get(name)
            if was is None or tier is None or tier == was:
                continue
            came_from = last.get(name)
            undone = came_from is not None and came_from[0] == tier and at - came_from[1] <= timedelta(days=FLIP_DAYS)
            changes["all"] += 1
            changes["undone"] += undone
            last[name] = (was, at)
    return changes["undone"] / changes["all"] if changes["all"] else 0.0


def _customer_months(seen: Sequence[tuple[datetime, list[str]]]) -> float:
    gaps = [(later - at).total_seconds() / 86_400 for (at, _), (later, _) in pairwise(seen)]
    gaps.append(float(np.median(gaps)))
    return sum(len(ids) * days for (_, ids), days in zip(seen, gaps, strict=True)) / _MONTH_DAYS


def _worth(
    alerts: Sequence[Alert], left: dict[tuple[str, datetime], bool], lost: dict[tuple[str, datetime], datetime]
) -> Worth:
    right = [alert for alert in alerts if left[alert.customer_id, alert.as_of]]
    first: dict[str, float] = {}
    for alert in right:
        until = lost.get((alert.customer_id, alert.as_of))
        if until is not None:
            first.setdefault(alert.customer_id, (until - alert.as_of).total_seconds() / 86_400)
    precision = len(right) / len(alerts) if alerts else None
    return Worth(len(alerts), precision, float(np.median(list(first.values()))) if first else None)


def _left(history: History, rows: Sequence[tuple[str, datetime]], horizon: Span) -> dict[tuple[str, datetime], bool]:
    asked = _asked(rows).append_column("until", pa.array([horizon.after(at) for _, at in rows], pa.timestamp("us")))
    sql = (
        "SELECT asked.customer_id, asked.moment, count(ordered_at) = 0 AS gone FROM asked LEFT JOIN orders "
        "ON orders.customer_id = asked.customer_id AND amount > 0 AND ordered_at >= moment AND ordered_at < until "
        "GROUP BY ALL"
    )
    return {(name, at): gone for name, at, gone in _rows(history, asked, sql)}


def _lost_at(
    history: History, rows: Sequence[tuple[str, datetime]], active: Span
) -> dict[tuple[str, datetime], datetime]:
    sql = (
        "SELECT asked.customer_id, asked.moment, max(ordered_at) FROM asked JOIN orders "
        "ON orders.customer_id = asked.customer_id AND amount > 0 AND ordered_at < moment GROUP BY ALL"
    )
    return {(name, at): active.after(last) for name, at, last in _rows(history, _asked(rows), sql)}


def _asked(rows: Sequence[tuple[str, datetime]]) -> pa.Table:
    names, moments = [name for name, _ in rows], [at for _, at in rows]
    return pa.table({"customer_id": pa.array(names, pa.string()), "moment": pa.array(moments, pa.timestamp("us"))})


def _rows(history: History, asked: pa.Table, sql: str) -> list[tuple[Any, ...]]:
    history.connection.register("asked", asked)
    try:
        found: list[tuple[Any, ...]] = history.connection.execute(sql).fetchall()
        return found
    finally:
        history.connection.unregister("asked")

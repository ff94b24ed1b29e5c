"""Replay alert rules on history, so that a company sees their alerts and precision before it enables them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.errors import CardError
from rapport.history import Duration, History
from rapport.scoring.alerts.alert import Alert
from rapport.scoring.alerts.alert_engine import AlertContext, raise_alerts
from rapport.scoring.alerts.rules import AlertRules

FLIP_DAYS = 30
_ENOUGH_ALERTS = 20
_MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True)
class RulePerformance:
    """The performance of one rule, or of all. The lead time is in days from a customer's first alert to the loss."""

    alerts: int
    precision: float | None
    lead_days: float | None

    def is_useless(self, base_rate: float) -> bool:
        """Return whether enough alerts were no more often right than a draw of customers (95 %)."""
        if self.precision is None or self.alerts < _ENOUGH_ALERTS:
            return False
        spread = 1.96 * (self.precision * (1 - self.precision) / self.alerts) ** 0.5
        return bool(self.precision - spread <= base_rate)


@dataclass(frozen=True)
class ReplayResult:
    """The alerts that the rules would have raised, and how many were right."""

    moments: int
    customer_months: float
    alerts_per_customer_month: float
    flips_back: float
    base_rate: float
    customers_per_week: float
    capacity_per_week: int
    overall: RulePerformance
    by_rule: dict[str, RulePerformance]
    alerts: tuple[Alert, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON."""
        plain = {key: value for key, value in vars(self).items() if key not in ("alerts", "overall", "by_rule")}
        return plain | {
            "useless": self.useless_rules(),
            "overall": vars(self.overall),
            "by_rule": {name: vars(performance) for name, performance in self.by_rule.items()},
        }

    def useless_rules(self) -> list[str]:
        """Return the rules whose alerts were no more often right than a draw of customers."""
        return [name for name, performance in self.by_rule.items() if performance.is_useless(self.base_rate)]

    def as_text(self) -> str:
        """Return the figures as text."""
        lines = [
            f"{self.overall.alerts} alerts over {self.moments} moments: {self.alerts_per_customer_month:.3f} per"
            f" customer and month; {self.flips_back:.1%} of tier changes are reversed within {FLIP_DAYS} days",
            f"base rate {self.base_rate:.3f}",
        ]
        if self.customers_per_week > self.capacity_per_week:
            lines.append(
                f"warning: {self.customers_per_week:.0f} customers a week are alerted, the team can handle "
                f"{self.capacity_per_week}; the rest is held back"
            )
        lines += [
            f"warning: {name} is no better than the base rate; raise its threshold or drop it"
            for name in self.useless_rules()
        ]
        for name, performance in {"all": self.overall, **self.by_rule}.items():
            precision = "-" if performance.precision is None else f"{performance.precision:.3f}"
            lead = "-" if performance.lead_days is None else f"{performance.lead_days:.0f} days"
            lines.append(f"  {name:<18}{performance.alerts:>6} alerts, precision {precision}, median lead {lead}")
        return "\n".join(lines)


def replay_rules(
    history: History, rules: AlertRules, moments: Iterable[AlertContext], *, active: Duration, horizon: Duration
) -> ReplayResult:
    """Evaluate the rules at moments in order of time, and compare each alert with the orders that followed.

    An alert was right if the customer did not order within the horizon. The loss is the day on which the customer
    stopped being active: the last order before the alert plus the active window.
    """
    last_raised: dict[tuple[str, str], datetime] = {}
    alerts: list[Alert] = []
    seen: list[tuple[datetime, list[str]]] = []
    tiers: list[tuple[datetime, dict[str, str | None]]] = []
    for moment in moments:
        raised = raise_alerts(rules, moment, last_raised)
        last_raised |= {(alert.customer_id, alert.cause): moment.as_of for alert in raised}
        alerts += raised
        ids = moment.scores["customer_id"].to_pylist()
        seen.append((moment.as_of, ids))
        tiers.append((moment.as_of, dict(zip(ids, moment.scores["tier"].to_pylist(), strict=True))))
    if len(seen) < 2:
        raise CardError("A replay needs at least two moments in the past. Give more of them, such as one a week.")
    months = _customer_months(seen)
    churned = _churned(history, [(name, at) for at, ids in seen for name in ids], horizon)
    lost = _lost_at(history, [(alert.customer_id, alert.as_of) for alert in alerts], active)
    by_rule = {rule.name: [alert for alert in alerts if alert.rule == rule.name] for rule in rules.rules}
    return ReplayResult(
        moments=len(seen),
        customer_months=months,
        alerts_per_customer_month=len(alerts) / months,
        flips_back=tier_flip_rate(tiers),
        base_rate=float(np.mean(list(churned.values()))),
        customers_per_week=_per_week(alerts, seen),
        capacity_per_week=rules.capacity_per_week,
        overall=_performance(alerts, churned, lost),
        by_rule={name: _performance(each, churned, lost) for name, each in by_rule.items()},
        alerts=tuple(alerts),
    )


def tier_flip_rate(tiers: Sequence[tuple[datetime, dict[str, str | None]]]) -> float:
    """Return the share of tier changes that are reversed within 30 days."""
    changes: Counter[str] = Counter()
    last: dict[str, tuple[str, datetime]] = {}
    for (_, before), (at, now) in pairwise(tiers):
        for name, tier in now.items():
            was = before.get(name)
            if was is None or tier is None or tier == was:
                continue
            previous = last.get(name)
            is_reversed = previous is not None and previous[0] == tier and at - previous[1] <= timedelta(days=FLIP_DAYS)
            changes["all"] += 1
            changes["reversed"] += is_reversed
            last[name] = (was, at)
    return changes["reversed"] / changes["all"] if changes["all"] else 0.0


def _per_week(alerts: Sequence[Alert], seen: Sequence[tuple[datetime, list[str]]]) -> float:
    """Return how many customers were alerted in a week."""
    contacts = len({(alert.customer_id, alert.as_of) for alert in alerts})
    weeks = (seen[-1][0] - seen[0][0]) / timedelta(weeks=1)
    return contacts / max(weeks * len(seen) / (len(seen) - 1), 1.0)


def _customer_months(seen: Sequence[tuple[datetime, list[str]]]) -> float:
    gaps = [(later - at).total_seconds() / 86_400 for (at, _), (later, _) in pairwise(seen)]
    gaps.append(float(np.median(gaps)))
    return sum(len(ids) * days for (_, ids), days in zip(seen, gaps, strict=True)) / _MONTH_DAYS


def _performance(
    alerts: Sequence[Alert], churned: dict[tuple[str, datetime], bool], lost: dict[tuple[str, datetime], datetime]
) -> RulePerformance:
    right = [alert for alert in alerts if churned[alert.customer_id, alert.as_of]]
    first: dict[str, float] = {}
    for alert in right:
        until = lost.get((alert.customer_id, alert.as_of))
        if until is not None:
            first.setdefault(alert.customer_id, (until - alert.as_of).total_seconds() / 86_400)
    precision = len(right) / len(alerts) if alerts else None
    return RulePerformance(len(alerts), precision, float(np.median(list(first.values()))) if first else None)


def _churned(
    history: History, rows: Sequence[tuple[str, datetime]], horizon: Duration
) -> dict[tuple[str, datetime], bool]:
    pairs = _pairs_table(rows).append_column(
        "until", pa.array([horizon.after(at) for _, at in rows], pa.timestamp("us"))
    )
    sql = (
        "SELECT pairs.customer_id, pairs.moment, count(ordered_at) = 0 AS gone FROM pairs LEFT JOIN orders "
        "ON orders.customer_id = pairs.customer_id AND amount > 0 AND ordered_at >= moment AND ordered_at < until "
        "GROUP BY ALL"
    )
    return {(name, at): gone for name, at, gone in _rows(history, pairs, sql)}


def _lost_at(
    history: History, rows: Sequence[tuple[str, datetime]], active: Duration
) -> dict[tuple[str, datetime], datetime]:
    sql = (
        "SELECT pairs.customer_id, pairs.moment, max(ordered_at) FROM pairs JOIN orders "
        "ON orders.customer_id = pairs.customer_id AND amount > 0 AND ordered_at < moment GROUP BY ALL"
    )
    return {(name, at): active.after(last) for name, at, last in _rows(history, _pairs_table(rows), sql)}


def _pairs_table(rows: Sequence[tuple[str, datetime]]) -> pa.Table:
    names, moments = [name for name, _ in rows], [at for _, at in rows]
    return pa.table({"customer_id": pa.array(names, pa.string()), "moment": pa.array(moments, pa.timestamp("us"))})


def _rows(history: History, pairs: pa.Table, sql: str) -> list[tuple[Any, ...]]:
    history.connection.register("pairs", pairs)
    try:
        found: list[tuple[object, ...]] = history.connection.execute(sql).fetchall()
        return found
    finally:
        history.connection.unregister("pairs")

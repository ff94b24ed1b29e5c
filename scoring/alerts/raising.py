"""Raises alerts at one moment: every rule looks, each cause is told once, what was told lately keeps quiet."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.history import History
from rapport.history.contract import by_name
from rapport.scoring.alerts.rules import Rule, Rules
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.scores import columns_of
from rapport.scoring.views.known import known

from rapport.errors import CardError

Told = Mapping[tuple[str, str], datetime]
"""When each (customer, cause) was last told."""


@dataclass(frozen=True)
class Alert:
    """Something to tell. The id is made of customer, cause and moment: the same alert never gets another one.

    An event is `seen_once`; a state, such as a high score, is still there at the next look.
    """

    id: str
    customer_id: str
    rule: str
    cause: str
    priority: int
    as_of: datetime
    en: str
    zh: str
    at_stake: float
    seen_once: bool

    def as_dict(self) -> dict[str, Any]:
        """Give the alert as it is sent."""
        return vars(self) | {"as_of": self.as_of.isoformat()}


@dataclass(frozen=True)
class Moment:
    """What is known at one moment.

    `book` has a row a customer: customer_id, probability, tier, and if there name, value_at_risk and the features that
    the rules watch; `before` the same of `rules.rise_days` ago; `events` comes from `watch`.
    """

    as_of: datetime
    card: Card
    book: pa.Table
    before: pa.Table | None = None
    events: pa.Table | None = None


def raise_alerts(rules: Rules, moment: Moment, told: Told) -> list[Alert]:
    """Give the alerts of this moment, most urgent and most valuable first, before any limit of capacity."""
    found: dict[tuple[str, str], Alert] = {}
    for rule in sorted(rules.rules, key=lambda rule: rule.priority):
        for alert in _looked(rule, moment):
            key = (alert.customer_id, alert.cause)
            last = told.get(key)
            resting = last is not None and moment.as_of - last < timedelta(days=rule.cooldown_days)
            if key not in found and not resting:
                found[key] = alert
    return sorted(found.values(), key=lambda alert: (alert.priority, -alert.at_stake, alert.customer_id, alert.cause))


def within_capacity(alerts: Sequence[Alert], capacity: int, told_this_week: int) -> list[Alert]:
    """Keep what the team can still handle this week, counted in customers.

    What is left out is a state, and is raised again at the next look; an event would be lost, so it always passes.
    """
    room = max(0, capacity - told_this_week)
    chosen = set(list(dict.fromkeys(alert.customer_id for alert in alerts))[:room])
    return [alert for alert in alerts if alert.seen_once or alert.customer_id in chosen]


def watch(history: History, rules: Rules, since: datetime, as_of: datetime) -> pa.Table:
    """Give the events that the rules ask for and that became known in [since, as_of): customer, rule, detail."""
    parts = [_event_sql(rule) for rule in rules.events]
    if not parts:
        return pa.table({"customer_id": pa.array([], pa.string()), "rule": pa.array([], pa.string()), "detail": []})
    values = {f"{rule.name}_{name}": text for rule in rules.events for name, text in rule.when["where"].items()}
    sql = " UNION ALL ".join(parts) + " ORDER BY customer_id, rule"
    return history.connection.sql(sql, params={"as_of": as_of, "since": since} | values).to_arrow_table()


def _event_sql(rule: Rule) -> str:
    table = by_name(rule.when["table"])
    wanted = " AND ".join(f"{name} = ${rule.name}_{name}" for name in rule.when["where"])
    shown = [name for name in ("kind", "category", "role") if name in table.names]
    detail = f"concat_ws(', ', {', '.join(shown)})" if shown else "''"
    became_known = f"greatest({table.time}, coalesce(recorded_at, {table.time})) >= $since"
    rows = known(table.name).replace(
        "(SELECT ", "(SELECT recorded_at, " if "recorded_at" not in table.names else "(SELECT ", 1
    )
    return (
        f"SELECT customer_id, '{rule.name}' AS rule, arg_max({detail}, {table.time}) AS detail FROM {rows} "
        f"WHERE {wanted} AND {became_known} GROUP BY customer_id"
    )


def _looked(rule: Rule, moment: Moment) -> Iterator[Alert]:
    book, as_of = moment.book, moment.as_of
    hits: list[tuple[int, Mapping[str, Any]]]
    if rule.kind == "event":
        hits = _events_of(rule, moment)
    else:
        rows, columns = _LOOKS[rule.kind](rule, moment)
        hits = [(int(at), {name: values[at] for name, values in columns.items()}) for at in np.flatnonzero(rows)]
    ids, names = book["customer_id"], book["name"] if "name" in book.column_names else book["customer_id"]
    stakes = columns_of(book, ["value_at_risk"]).get("value_at_risk")
    for at, facts in hits:
        customer = ids[at].as_py()
        named = {"name": names[at].as_py() or customer, **facts}
        stake = 0.0 if stakes is None or np.isnan(stakes[at]) else float(stakes[at])
        yield Alert(
            id=_id(customer, rule.cause, as_of),
            customer_id=customer,
            rule=rule.name,
            cause=rule.cause,
            priority=rule.priority,
            as_of=as_of,
            en=rule.text.en.format_map(named),
            zh=rule.text.zh.format_map(named),
            at_stake=stake,
            seen_once=rule.kind == "event",
        )


def _id(customer: str, cause: str, as_of: datetime) -> str:
    return hashlib.sha256(f"{customer}\n{cause}\n{as_of.isoformat()}".encode()).hexdigest()[:32]


Looked = tuple[npt.NDArray[np.bool_], Mapping[str, Any]]


def _score_above(rule: Rule, moment: Moment) -> Looked:
    probability = _numbers(moment.book, "probability", rule)
    return probability >= rule.when["probability"], {"probability": probability}


def _score_rise(rule: Rule, moment: Moment) -> Looked:
    probability = _numbers(moment.book, "probability", rule)
    old = _before(moment, "probability", np.nan)
    rows = (probability - old >= rule.when["points"]) & (probability >= rule.when["least"])
    return rows, {"probability": probability, "before": old, "days": [rule.when["days"]] * len(probability)}


def _tier_fall(rule: Rule, moment: Moment) -> Looked:
    tiers = moment.card.tiers
    place = {tier.name: at for at, tier in enumerate(tiers)}
    bad = {tier.name for tier in tiers if tier.signal in ("red", rule.when["to"])}
    now, old = moment.book["tier"].to_pylist(), _before(moment, "tier", None)
    rows = [tier in bad and was in place and place[tier] > place[was] for tier, was in zip(now, old, strict=True)]
    labels = {tier.name: tier.label.en for tier in tiers}
    shown = {"tier": [labels.get(tier, "") for tier in now], "tier_before": [labels.get(was, "") for was in old]}
    return np.array(rows, dtype=bool) & _likely(rule, moment), shown


def _feature_above(rule: Rule, moment: Moment) -> Looked:
    values = _numbers(moment.book, rule.when["feature"], rule)
    return (values >= rule.when["value"]) & _likely(rule, moment), {"value": values}


def _feature_below(rule: Rule, moment: Moment) -> Looked:
    values = _numbers(moment.book, rule.when["feature"], rule)
    return (values <= rule.when["value"]) & _likely(rule, moment), {"value": values}


def _likely(rule: Rule, moment: Moment) -> npt.NDArray[np.bool_]:
    """Say whose probability is at least what the rule asks beside its own fact; 0 asks nothing."""
    if rule.when["least"] == 0:
        return np.ones(moment.book.num_rows, dtype=bool)
    return np.asarray(_numbers(moment.book, "probability", rule) >= rule.when["least"])


_LOOKS: Mapping[str, Callable[[Rule, Moment], Looked]] = {
    "score_above": _score_above,
    "score_rise": _score_rise,
    "tier_fall": _tier_fall,
    "feature_above": _feature_above,
    "feature_below": _feature_below,
}


def _events_of(rule: Rule, moment: Moment) -> list[tuple[int, Mapping[str, Any]]]:
    if moment.events is None:
        return []
    place = {name: at for at, name in enumerate(moment.book["customer_id"].to_pylist())}
    rows = (row for row in moment.events.to_pylist() if row["rule"] == rule.name and row["customer_id"] in place)
    return [(place[row["customer_id"]], {"detail": row["detail"]}) for row in rows]


def _numbers(book: pa.Table, name: str, rule: Rule) -> npt.NDArray[Any]:
    found = columns_of(book, [name])
    if name not in found:
        raise CardError(f"alert rule {rule.name}: the scores have no column {name}.")
    return found[name]


def _before(moment: Moment, name: str, missing: Any) -> npt.NDArray[Any]:
    if moment.before is None:
        return np.full(moment.book.num_rows, missing)
    before = moment.before
    old = dict(zip(before["customer_id"].to_pylist(), before[name].to_pylist(), strict=True))
    found = [old.get(customer) for customer in moment.book["customer_id"].to_pylist()]
    return np.array([missing if value is None else value for value in found])

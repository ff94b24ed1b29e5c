"""Raise alerts at one moment: every rule is evaluated, one alert per cause, none within the cooldown."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import CardError
from rapport.history import History
from rapport.history.contract import by_name
from rapport.localized import LocalizedText, localize
from rapport.scoring.alerts.alert import Alert
from rapport.scoring.alerts.rules import AlertRule, AlertRules
from rapport.scoring.analytics.interaction_signals import interaction_signals
from rapport.scoring.analytics.point_in_time import rows_known_at
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import numpy_columns
from rapport.scoring.messages import listed_labels

LastRaised = Mapping[tuple[str, str], datetime]
"""When each (customer, cause) last raised an alert."""


@dataclass(frozen=True)
class AlertContext:
    """The input of the rules at one moment.

    `scores` has one row per customer: customer_id, probability, tier, and optionally name, value_at_risk and the
    features that the rules read; `before` is the same `rules.rise_days` ago; `events` comes from `new_events`.
    """

    as_of: datetime
    card: Card
    scores: pa.Table
    before: pa.Table | None = None
    events: pa.Table | None = None


def raise_alerts(rules: AlertRules, context: AlertContext, last_raised: LastRaised) -> list[Alert]:
    """Return the alerts of this moment, most urgent and most valuable first, before the capacity limit."""
    found: dict[tuple[str, str], Alert] = {}
    for rule in sorted(rules.rules, key=lambda rule: rule.priority):
        for alert in _matching_alerts(rule, context):
            key = (alert.customer_id, alert.cause)
            last = last_raised.get(key)
            resting = last is not None and context.as_of - last < timedelta(days=rule.cooldown_days)
            if key not in found and not resting:
                found[key] = alert
    return sorted(found.values(), key=lambda alert: (alert.priority, -alert.at_stake, alert.customer_id, alert.cause))


def within_capacity(alerts: Sequence[Alert], capacity: int, alerted_this_week: int) -> list[Alert]:
    """Keep what the team can still handle this week, counted in customers.

    A state that is left out is raised again at the next evaluation; an event would be lost, so it always passes.
    """
    room = max(0, capacity - alerted_this_week)
    chosen = set(list(dict.fromkeys(alert.customer_id for alert in alerts))[:room])
    return [alert for alert in alerts if alert.seen_once or alert.customer_id in chosen]


def new_events(history: History, rules: AlertRules, since: datetime, as_of: datetime) -> pa.Table:
    """Return the events that match a rule and became known in [since, as_of): customer, rule, detail."""
    parts = [_event_sql(rule) for rule in rules.events]
    if rules.signals:
        found = _new_signals(history, rules, since, as_of)
        others = replace(rules, rules=tuple(rule for rule in rules.rules if rule.kind != "signal"))
        return pa.concat_tables([_text_columns(new_events(history, others, since, as_of)), found])
    if not parts:
        return pa.table({"customer_id": pa.array([], pa.string()), "rule": pa.array([], pa.string()), "detail": []})
    values = {f"{rule.name}_{name}": text for rule in rules.events for name, text in rule.when["where"].items()}
    sql = " UNION ALL ".join(parts) + " ORDER BY customer_id, rule"
    events: pa.Table = history.connection.sql(sql, params={"as_of": as_of, "since": since} | values).to_arrow_table()
    return events


def _new_signals(history: History, rules: AlertRules, since: datetime, as_of: datetime) -> pa.Table:
    """Return, for each rule on a signal, the newest quoted words of each customer that became known since a time."""
    lines: dict[tuple[str, str], str] = {}
    for row in interaction_signals(history, as_of, since).to_pylist():
        for rule in rules.signals:
            if rule.when["signal"] == row["signal"]:
                lines.setdefault((row["customer_id"], rule.name), row["quote"])
    rows = [{"customer_id": customer, "rule": rule, "detail": quote} for (customer, rule), quote in lines.items()]
    return pa.Table.from_pylist(rows, _EVENTS)


def _text_columns(events: pa.Table) -> pa.Table:
    return events.select(_EVENTS.names).cast(_EVENTS)


def _event_sql(rule: AlertRule) -> str:
    table = by_name(rule.when["table"])
    wanted = " AND ".join(f"{name} = ${rule.name}_{name}" for name in rule.when["where"])
    shown = [name for name in ("kind", "category", "role") if name in table.names]
    detail = f"concat_ws(', ', {', '.join(shown)})" if shown else "''"
    became_known = f"greatest({table.time}, coalesce(recorded_at, {table.time})) >= $since"
    rows = rows_known_at(table.name, extra=["recorded_at"])
    return (
        f"SELECT customer_id, '{rule.name}' AS rule, arg_max({detail}, {table.time}) AS detail FROM {rows} "
        f"WHERE {wanted} AND {became_known} GROUP BY customer_id"
    )


def _matching_alerts(rule: AlertRule, context: AlertContext) -> Iterator[Alert]:
    scores, as_of = context.scores, context.as_of
    hits: list[tuple[int, Mapping[str, object]]]
    if rule.kind in ("event", "signal"):
        hits = _events_of(rule, context)
    else:
        rows, columns = _MATCHERS[rule.kind](rule, context)
        hits = [(int(at), {name: values[at] for name, values in columns.items()}) for at in np.flatnonzero(rows)]
    ids, names = scores["customer_id"], scores["name"] if "name" in scores.column_names else scores["customer_id"]
    stakes = numpy_columns(scores, ["value_at_risk"]).get("value_at_risk")
    for at, facts in hits:
        customer = ids[at].as_py()
        named = {"name": names[at].as_py() or customer, **facts}
        text = LocalizedText.of(lambda code, named=named: _sentence(rule, named, code))  # type: ignore[misc]
        stake = 0.0 if stakes is None or np.isnan(stakes[at]) else float(stakes[at])
        yield Alert(
            id=_id(customer, rule.cause, as_of),
            customer_id=customer,
            rule=rule.name,
            cause=rule.cause,
            priority=rule.priority,
            as_of=as_of,
            en=text.en,
            zh=text.zh,
            at_stake=stake,
            seen_once=rule.kind in ("event", "signal"),
            further=text.further,
        )


class _Probability(float):
    """A probability that no text rounds to certainty: 0.997 is ">99%", as on the pages."""

    def __format__(self, form: str) -> str:
        text = super().__format__(form)
        return {"100%": ">99%", "0%": "<1%"}.get(text, text) if 0 < self < 1 else text


def _sentence(rule: AlertRule, facts: Mapping[str, Any], language: str) -> str:
    return localize(rule.text, language).format_map(_in_language(facts, language))


def _in_language(facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    told = {name: localize(one, language) if isinstance(one, LocalizedText) else one for name, one in facts.items()}
    return told | {name: _Probability(told[name]) for name in ("probability", "before") if name in told}


def _id(customer: str, cause: str, as_of: datetime) -> str:
    return hashlib.sha256(f"{customer}\n{cause}\n{as_of.isoformat()}".encode()).hexdigest()[:32]


_EVENTS = pa.schema({"customer_id": pa.string(), "rule": pa.string(), "detail": pa.string()})
Match = tuple[npt.NDArray[np.bool_], Mapping[str, Any]]


def _score_above(rule: AlertRule, context: AlertContext) -> Match:
    probability = _numbers(context.scores, "probability", rule)
    return probability >= rule.when["probability"], {"probability": probability}


def _score_rise(rule: AlertRule, context: AlertContext) -> Match:
    probability = _numbers(context.scores, "probability", rule)
    old = _before(context, "probability", np.nan)
    rows = (probability - old >= rule.when["points"]) & (probability >= rule.when["least"])
    return rows, {"probability": probability, "before": old, "days": [rule.when["days"]] * len(probability)}


def _tier_fall(rule: AlertRule, context: AlertContext) -> Match:
    tiers = context.card.tiers
    position = {tier.name: at for at, tier in enumerate(tiers)}
    bad = {tier.name for tier in tiers if tier.signal in ("red", rule.when["to"])}
    now, old = context.scores["tier"].to_pylist(), _before(context, "tier", None)
    rows = [
        tier in bad and was in position and position[tier] > position[was] for tier, was in zip(now, old, strict=True)
    ]
    labels = {tier.name: tier.label for tier in tiers}
    shown = {"tier": [labels.get(tier, "") for tier in now], "tier_before": [labels.get(was, "") for was in old]}
    return np.array(rows, dtype=bool) & _is_likely(rule, context), shown


def _feature_above(rule: AlertRule, context: AlertContext) -> Match:
    values = _numbers(context.scores, rule.when["feature"], rule)
    return (values >= rule.when["value"]) & _is_likely(rule, context), {"value": values}


def _feature_below(rule: AlertRule, context: AlertContext) -> Match:
    values = _numbers(context.scores, rule.when["feature"], rule)
    return (values <= rule.when["value"]) & _is_likely(rule, context), {"value": values}


def _feature_between(rule: AlertRule, context: AlertContext) -> Match:
    values = _numbers(context.scores, rule.when["feature"], rule)
    rows = (values >= rule.when["low"]) & (values <= rule.when["high"])
    return rows & _is_likely(rule, context), {"value": values}


def _health_below(rule: AlertRule, context: AlertContext) -> Match:
    values = _optional_numbers(context.scores, "health_score")
    return (values <= rule.when["score"]) & _is_likely(rule, context), {"value": values}


def _lead_grade(rule: AlertRule, context: AlertContext) -> Match:
    grades = _texts(context.scores, "lead_grade")
    probability = _numbers(context.scores, "probability", rule)
    return np.array([one == rule.when["grade"] for one in grades], dtype=bool), {"probability": probability}


def _lapsed_with(rule: AlertRule, context: AlertContext) -> Match:
    values = _numbers(context.scores, rule.when["feature"], rule)
    lapsed = np.array([one == "lapsed" for one in _texts(context.scores, "state")], dtype=bool)
    return lapsed & (values >= rule.when["value"]), {"value": values}


def _optional_numbers(scores: pa.Table, name: str) -> npt.NDArray[Any]:
    """Return a column that not every moment has, such as the health of a replay; then no rule on it fires."""
    found = numpy_columns(scores, [name]) if name in scores.column_names else {}
    return found.get(name, np.full(scores.num_rows, np.nan))


def _texts(scores: pa.Table, name: str) -> list[str | None]:
    return scores[name].to_pylist() if name in scores.column_names else [None] * scores.num_rows


def _is_likely(rule: AlertRule, context: AlertContext) -> npt.NDArray[np.bool_]:
    """Mark the customers with at least the probability that the rule requires besides its own condition."""
    if rule.when["least"] == 0:
        return np.ones(context.scores.num_rows, dtype=bool)
    return np.asarray(_numbers(context.scores, "probability", rule) >= rule.when["least"])


_MATCHERS: Mapping[str, Callable[[AlertRule, AlertContext], Match]] = {
    "score_above": _score_above,
    "score_rise": _score_rise,
    "tier_fall": _tier_fall,
    "feature_above": _feature_above,
    "feature_below": _feature_below,
    "feature_between": _feature_between,
    "health_below": _health_below,
    "lead_grade": _lead_grade,
    "lapsed_with": _lapsed_with,
}


def _events_of(rule: AlertRule, context: AlertContext) -> list[tuple[int, Mapping[str, object]]]:
    if context.events is None:
        return []
    position = {name: at for at, name in enumerate(context.scores["customer_id"].to_pylist())}
    rows = (row for row in context.events.to_pylist() if row["rule"] == rule.name and row["customer_id"] in position)
    # A signal quotes the customer's words; an event names values of its row.
    labels = listed_labels if rule.kind == "event" else str
    return [(position[row["customer_id"]], {"detail": labels(row["detail"])}) for row in rows]


def _numbers(scores: pa.Table, name: str, rule: AlertRule) -> npt.NDArray[Any]:
    found = numpy_columns(scores, [name])
    if name not in found:
        raise CardError(f"alert rule {rule.name}: the scores have no column {name}. docs/features.md lists all.")
    return found[name]


def _before(context: AlertContext, name: str, missing: object) -> npt.NDArray[Any]:
    if context.before is None:
        return np.full(context.scores.num_rows, missing)
    before = context.before
    old = dict(zip(before["customer_id"].to_pylist(), before[name].to_pylist(), strict=True))
    found = [old.get(customer) for customer in context.scores["customer_id"].to_pylist()]
    return np.array([missing if value is None else value for value in found])

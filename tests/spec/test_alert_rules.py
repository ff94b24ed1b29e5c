"""Alerts by rules: changes, cooldowns, capacity, and the figures of a replay."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from alert_rules import alerts_yaml, rule

from rapport.errors import CardError
from rapport.history import history_of, parse_duration
from rapport.scoring.alerts import AlertContext, AlertRules, new_events, raise_alerts, replay_rules, within_capacity
from rapport.scoring.alerts.rules import parse_rules
from rapport.scoring.cards import load_card

CARD = load_card("relationship")
DAY_ONE = datetime(2026, 1, 1)

RULES = alerts_yaml(
    rule("high", "kind: score_above, probability: 0.5", priority=2),
    rule(
        "jump",
        "kind: score_rise, points: 0.2, days: 30, least: 0.3",
        '{en: "{name}: {before:.0%} to {probability:.0%}", zh: "{name}：{before:.0%} 至 {probability:.0%}"}',
    ),
    rule(
        "fall",
        "kind: tier_fall, to: red, least: 0",
        '{en: "{name} fell from {tier_before} to {tier}", zh: "{name} 降级"}',
        priority=3,
        cause="tier",
    ),
    rule(
        "lawsuit",
        "kind: event, table: risk_events, where: {category: judicial, role: defendant}",
        '{en: "{name}: {detail}", zh: "{name}：{detail}"}',
        cause="lawsuit",
    ),
    capacity=2,
)


def rules() -> AlertRules:
    return parse_rules(RULES, "alerts.yaml")


def book(**customers: tuple[float, str, float]) -> pa.Table:
    rows = list(customers.values())
    return pa.table(
        {
            "customer_id": list(customers),
            "probability": [row[0] for row in rows],
            "tier": [row[1] for row in rows],
            "value_at_risk": [row[2] for row in rows],
        }
    )


def test_one_cause_raises_one_alert_by_its_most_urgent_rule():
    moment = AlertContext(
        DAY_ONE,
        CARD,
        book(ann=(0.7, "at_risk", 10.0), bob=(0.6, "key", 99.0), cat=(0.1, "vip", 5.0)),
        before=book(ann=(0.2, "key", 10.0), bob=(0.6, "key", 99.0)),
    )
    told = [(alert.rule, alert.customer_id, alert.en) for alert in raise_alerts(rules(), moment, {})]
    assert told == [
        ("jump", "ann", "ann: 20% to 70%"),
        ("high", "bob", "bob: 60%"),
        ("fall", "ann", "ann fell from Key to At risk"),
    ]


def test_no_alert_calls_a_customer_lost_for_certain():
    old = book(ann=(0.004, "key", 10.0), bob=(0.6, "key", 99.0))
    moment = AlertContext(DAY_ONE, CARD, book(ann=(0.997, "key", 10.0), bob=(0.9949, "key", 99.0)), before=old)
    assert {alert.en for alert in raise_alerts(rules(), moment, {})} == {"ann: <1% to >99%", "bob: 60% to 99%"}


def test_no_alert_is_raised_within_the_cooldown():
    moment = AlertContext(DAY_ONE, CARD, book(bob=(0.6, "key", 99.0)))
    ago = {days: {("bob", "risk"): DAY_ONE - timedelta(days=days)} for days in (29, 30)}
    assert raise_alerts(rules(), moment, ago[29]) == []
    assert len(raise_alerts(rules(), moment, ago[30])) == 1


def test_the_same_alert_has_the_same_id_and_another_moment_another():
    def alert_id(at: datetime) -> str:
        return raise_alerts(rules(), AlertContext(at, CARD, book(bob=(0.6, "key", 99.0))), {})[0].id

    assert alert_id(DAY_ONE) == alert_id(DAY_ONE)
    assert alert_id(DAY_ONE) != alert_id(DAY_ONE + timedelta(days=1))


LAWSUITS = [
    {"customer_id": "ann", "occurred_at": "2025-12-30", "category": "judicial", "kind": "debt", "role": "defendant"},
    {"customer_id": "bob", "occurred_at": "2025-12-30", "category": "judicial", "kind": "debt", "role": "plaintiff"},
    {"customer_id": "cat", "occurred_at": "2025-12-01", "category": "judicial", "kind": "debt", "role": "defendant"},
    {"customer_id": "dan", "occurred_at": "2026-01-01", "category": "judicial", "kind": "debt", "role": "defendant"},
]


def test_an_event_is_raised_when_it_becomes_known():
    late = [row | {"recorded_at": "2025-12-31" if row["customer_id"] == "cat" else None} for row in LAWSUITS]
    history = history_of({"orders": [], "risk_events": late})
    found = new_events(history, rules(), DAY_ONE - timedelta(days=7), DAY_ONE).to_pylist()
    assert [(row["customer_id"], row["detail"]) for row in found] == [
        ("ann", "debt, judicial, defendant"),
        ("cat", "debt, judicial, defendant"),
    ]


def test_a_signal_in_a_text_is_raised_once_it_is_known_with_the_quoted_words():
    when = "kind: signal, signal: stop"
    text = '{en: "{name}: {detail}", zh: "{name}：{detail}"}'
    speaking = parse_rules(alerts_yaml(rule("stop", when, text, cause="signal"), capacity=5), "alerts.yaml")
    told = [
        {"customer_id": "ann", "occurred_at": "2025-12-30", "text": "谢谢。明年不再采购。"},
        {"customer_id": "bob", "occurred_at": "2025-11-30", "text": "明年不再采购。"},
        {"customer_id": "cat", "occurred_at": "2025-12-30", "text": "会议改到周三。"},
    ]
    history = history_of({"orders": [], "interactions": told})
    events = new_events(history, speaking, DAY_ONE - timedelta(days=7), DAY_ONE)
    assert events.to_pylist() == [{"customer_id": "ann", "rule": "stop", "detail": "明年不再采购"}]
    alerts = raise_alerts(speaking, AlertContext(DAY_ONE, CARD, book(ann=(0.1, "key", 1.0)), events=events), {})
    assert [(alert.en, alert.seen_once) for alert in alerts] == [("ann: 明年不再采购", True)]


def test_the_capacity_takes_the_most_urgent_and_valuable_and_never_drops_an_event():
    people = {name: (0.6, "key", value) for name, value in (("ann", 1.0), ("bob", 2.0), ("cat", 3.0), ("dan", 4.0))}
    events = pa.table({"customer_id": ["ann"], "rule": ["lawsuit"], "detail": ["debt"]})
    alerts = raise_alerts(rules(), AlertContext(DAY_ONE, CARD, book(**people), events=events), {})
    assert [(alert.customer_id, alert.rule) for alert in within_capacity(alerts, 2, alerted_this_week=0)] == [
        ("ann", "lawsuit"),
        ("dan", "high"),
        ("ann", "high"),
    ]
    assert [alert.rule for alert in within_capacity(alerts, 2, alerted_this_week=2)] == ["lawsuit"]


def test_an_event_is_named_in_the_language_of_its_alert():
    events = pa.table({"customer_id": ["ann"], "rule": ["lawsuit"], "detail": ["loan_dispute, judicial, defendant"]})
    (alert,) = raise_alerts(rules(), AlertContext(DAY_ONE, CARD, book(ann=(0.1, "key", 1.0)), events=events), {})
    assert (alert.en, alert.zh) == ("ann: loan dispute, judicial, defendant", "ann：借贷纠纷、司法、被告")


BAD_RULES = [
    (
        "score_above, probability: 0.5",
        "score_over, probability: 0.5",
        "“score_over” is not known; did you mean “score_above”",
    ),
    ("probability: 0.5}", "probability: 50}", "50 is not a share; write 0.3 for 30 %"),
    ("priority: 3", "priority: 9", "9 is not a priority; 1 is the most urgent, 5 the least"),
    ('"{name}: {probability:.0%}"', '"{customer}"', "“{customer}” is not known. Placeholders: name"),
    ('"{name}: {probability:.0%}"', '"{name.__class__}"', "“{name.__class__}” is not known"),
    ("name: jump", "name: high", "rule “high” is there twice"),
    ("category: judicial", "color: judicial", "“color” is not a text column"),
    ("table: risk_events", "table: risks", "“risks” is not known; did you mean “risk_events”"),
    ("kind: tier_fall, ", "", "“kind” is missing. Kinds: score_above"),
    ("capacity_per_week: 2", "capacity_per_week: 0", "“0” is not a whole number of at least 1"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BAD_RULES)
def test_a_malformed_rule_gets_a_sentence(old, new, sentence):
    with pytest.raises(CardError) as refused:
        parse_rules(RULES.replace(old, new, 1), "alerts.yaml")
    assert sentence in str(refused.value)


def test_a_replay_counts_right_alerts_and_lead_time():
    orders = [
        {"customer_id": "ann", "order_id": "1", "ordered_at": "2025-03-01", "amount": 10},
        {"customer_id": "bob", "order_id": "2", "ordered_at": "2025-03-01", "amount": 10},
        {"customer_id": "bob", "order_id": "3", "ordered_at": "2025-08-01", "amount": 10},
    ]
    months = [datetime(2025, month, 1) for month in (5, 6, 7)]
    probability = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.8)]
    moments = [
        AlertContext(at, CARD, book(ann=(ann, "key", 1.0), bob=(bob, "key", 1.0)))
        for at, (ann, bob) in zip(months, probability, strict=True)
    ]
    found = replay_rules(
        history_of({"orders": orders}), rules(), moments, active=parse_duration("12mo"), horizon=parse_duration("6mo")
    )
    # Ann is told on 1 June and, 30 days later, again on 1 July; bob on 1 July, wrongly. Ann is lost on 2026-03-01.
    assert (found.overall.alerts, found.overall.precision, found.overall.lead_days) == (3, pytest.approx(2 / 3), 273.0)
    assert found.base_rate == 0.5
    assert found.customer_months == pytest.approx((31 + 30 + 30.5) * 2 / (365.25 / 12))

"""Each kind of alert rule fires for the customers that it describes, and for nobody else."""

from datetime import datetime

import pyarrow as pa
import pytest
from alert_rules import alerts_yaml, rule

from rapport.scoring.alerts import AlertContext, raise_alerts
from rapport.scoring.alerts.rules import KINDS, parse_rules
from rapport.scoring.cards import load_card

CARD = load_card("relationship")
DAY = datetime(2026, 1, 1)  # the company's own clock

NOW = """
      | probability | tier    | state  | health | grade | overdue | silence | contract
ann   | 0.8         | at_risk | active | 20     |       | 900     | 90      | 20
bob   | 0.4         | key     | active | 55     |       | 100     | 30      | 45
cat   | 0.1         | vip     | active | 90     |       | 0       | 2       |
dan   |             |         | lapsed |        |       | 700     | 400     |
eve   |             |         | lapsed |        |       | 0       | 400     |
lea   | 0.3         |         | lead   |        | A     |         |         |
leo   | 0.1         |         | lead   |        | C     |         |         |
"""
BEFORE = """
      | probability | tier
ann   | 0.5         | key
bob   | 0.35        | key
cat   | 0.1         | vip
"""
COLUMNS = {
    "health": "health_score", "grade": "lead_grade", "overdue": "overdue_amount", "silence": "days_since_last_order",
    "contract": "days_to_contract_end",
}  # fmt: skip
TEXTS = ("tier", "state", "grade")


def drawn(text: str) -> pa.Table:
    head, *lines = (line.split("|") for line in text.strip("\n").splitlines())
    names = [cell.strip() for cell in head[1:]]
    cells = [[cell.strip() or None for cell in line] for line in lines]
    columns = {"customer_id": [line[0] for line in cells], "value_at_risk": [1.0] * len(cells)}
    for at, name in enumerate(names, 1):
        values = [line[at] for line in cells]
        is_text = name in TEXTS
        columns[COLUMNS.get(name, name)] = (
            pa.array(values, pa.string())
            if is_text
            else pa.array([None if one is None else float(one) for one in values], pa.float64())
        )
    return pa.table(columns)


FIRES = [
    ("score_above, probability: 0.4", ["ann", "bob"]),
    ("score_rise, points: 0.15, days: 30, least: 0.3", ["ann"]),
    ("tier_fall, to: red, least: 0.3", ["ann"]),
    ("feature_above, feature: overdue_amount, value: 100, least: 0.3", ["ann", "bob"]),
    ("feature_below, feature: days_since_last_order, value: 30, least: 0.2", ["bob"]),
    ("feature_between, feature: days_to_contract_end, low: 0, high: 30, least: 0", ["ann"]),
    ("health_below, score: 55, least: 0.3", ["ann", "bob"]),
    ("lead_grade, grade: A", ["lea"]),
    ("lapsed_with, feature: overdue_amount, value: 500", ["dan"]),
]


@pytest.mark.parametrize(("when", "customers"), FIRES)
def test_a_rule_fires_for_the_customers_that_it_describes(when, customers):
    rules = parse_rules(alerts_yaml(rule("one", f"kind: {when}", '{en: "{name}", zh: "{name}"}'), capacity=9), "a")
    found = raise_alerts(rules, AlertContext(DAY, CARD, drawn(NOW), drawn(BEFORE)), {})
    assert sorted(alert.customer_id for alert in found) == customers


def test_every_kind_is_here_or_has_a_test_of_its_own_on_events():
    assert {when.partition(",")[0] for when, _ in FIRES} | {"event", "signal"} == set(KINDS)

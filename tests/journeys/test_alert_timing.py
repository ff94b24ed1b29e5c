"""When alerts are delivered: quiet hours, escalation and who is left out of it, on the company's own clock."""

from datetime import UTC, datetime, timedelta

import pytest
from alert_rules import alerts_yaml, rule

from rapport.history.settings import Settings
from rapport.scoring.alerts import Alert
from rapport.scoring.alerts.rules import parse_rules
from rapport.serving.jobs.alert_delivery import escalations
from rapport.serving.jobs.channels import AlertFile
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.work.alert_inbox import AlertMarks
from rapport.serving.work.tasks import NewTask, TaskStore

SHANGHAI = Settings(timezone="Asia/Shanghai")
RAISED = datetime(2026, 1, 5, 10)  # 10:00 in Shanghai, 02:00 in UTC
RULES = parse_rules(
    alerts_yaml(rule("lawsuit", "kind: score_above, probability: 0.1", cause="lawsuit"), capacity=9).replace(
        "    when:", "    escalate_days: 3\n    when:"
    )
    + "quiet_hours: {from: 20, to: 8}\n",
    "alerts.yaml",
)


@pytest.mark.parametrize(
    ("utc", "delivered"),
    [
        ("2026-01-05T11:59", "2026-01-05T11:59"),  # 19:59 in Shanghai
        ("2026-01-05T12:00", "2026-01-06T00:00"),  # 20:00: tomorrow at 8:00
        ("2026-01-05T17:30", "2026-01-06T00:00"),  # 01:30
        ("2026-01-05T23:59", "2026-01-06T00:00"),  # 07:59
        ("2026-01-06T00:00", "2026-01-06T00:00"),  # 08:00
    ],
)
def test_quiet_hours_are_those_of_the_companys_clock_and_pass_midnight(utc, delivered):
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert RULES.deliverable(now, "Asia/Shanghai") == datetime.fromisoformat(delivered).replace(tzinfo=UTC)


def test_an_alert_of_the_quiet_hours_is_sent_in_the_morning_and_once(tmp_path):
    outbox, file = Outbox(tmp_path / "alerts.db"), AlertFile(tmp_path / "alerts.jsonl")
    evening, morning = datetime(2026, 1, 5, 13, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    outbox.put([_alert()], [file.name], None, RULES.deliverable(evening, "Asia/Shanghai"))
    sent = [
        outbox.deliver(file, at).delivered
        for at in (evening, morning - timedelta(seconds=1), morning, morning + timedelta(hours=1))
    ]
    assert sent == [0, 0, 1, 0]


def _alert(as_of=RAISED, customer_id="ann"):
    return Alert(
        id=f"{as_of:%Y%m%d}-{customer_id}".ljust(32, "0"), customer_id=customer_id, rule="lawsuit", cause="lawsuit",
        priority=2, as_of=as_of, en="ann: sued", zh="ann：被诉", at_stake=1.0, seen_once=True,
    )  # fmt: skip


def _escalated(folder, outbox, local):
    now = (local - timedelta(hours=8)).replace(tzinfo=UTC)
    found = escalations(folder, SHANGHAI, RULES, outbox, now)
    outbox.put(found, ["file"], None, now)
    return [(alert.cause, alert.priority, alert.en) for alert in found]


def test_an_alert_that_nobody_acted_on_is_raised_once_more_as_most_urgent(tmp_path):
    outbox = Outbox(tmp_path / "alerts.db")
    outbox.put([_alert()], ["file"], None, RAISED.replace(tzinfo=UTC))
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=3, seconds=-1)) == []
    late = [("lawsuit_escalated", 1, "Nobody acted for 3 days: ann: sued")]
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=3)) == late
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=4)) == []
    again = _alert(RAISED + timedelta(days=20))
    outbox.put([again], ["file"], None, RAISED.replace(tzinfo=UTC))
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=23)) == late, "the next alert has its own"


def test_an_alert_is_not_raised_again_once_somebody_acted_or_muted_it(tmp_path):
    outbox, tasks = Outbox(tmp_path / "alerts.db"), TaskStore(tmp_path)
    outbox.put([_alert(), _alert(customer_id="bob")], ["file"], None, RAISED.replace(tzinfo=UTC))
    task = tasks.open(NewTask("ann", "churn", "Call"), by="alerts", at="2026-01-05T02:00:00+00:00")
    # An hour after the alert: 03:00 in UTC, before 10:00 by the digits.
    tasks.finish(task["id"], by="maria", at="2026-01-05T03:00:00+00:00", outcome="reached")
    AlertMarks(tmp_path).mark(_alert(customer_id="bob").id, "muted", by="maria", at=RAISED.isoformat())
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=5)) == []


def test_a_held_out_customer_is_not_raised_again(tmp_path, monkeypatch):
    outbox = Outbox(tmp_path / "alerts.db")
    outbox.put([_alert()], ["file"], None, RAISED.replace(tzinfo=UTC))
    monkeypatch.setattr("rapport.serving.jobs.alert_delivery.held_out_now", lambda *_: frozenset({"ann"}))
    assert _escalated(tmp_path, outbox, RAISED + timedelta(days=5)) == []

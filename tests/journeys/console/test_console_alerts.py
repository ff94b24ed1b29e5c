"""Alert rules in the console: edited as forms, replayed on history, then switched on; and the state of receivers."""

import time
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from console_client import ConsoleClient
from example_application import ExampleApplication

from rapport.serving.jobs.channels import DeliveryError
from rapport.serving.jobs.webhook_deliveries import REFUSALS, Receiver, WebhookDeliveries
from rapport.serving.live.change_store import ChangeStore

PAGE = "/alerts/rules"
RISK_HIGH = {
    "act": "save", "replaced": "risk_high", "kind": "score_above", "name": "risk_high", "cause": "risk",
    "priority": "1", "cooldown_days": "14", "probability": "62.5", "task": "yes", "escalate_days": "3",
    "en": "{name}: {probability:.0%}", "zh": "{name}：{probability:.0%}",
}  # fmt: skip


@pytest.fixture
def application():
    return ExampleApplication()


def wait_for_replay(application):
    end = time.monotonic() + 30
    while application.alert_rules.state()["running"] and time.monotonic() < end:
        time.sleep(0.02)


def test_a_rule_is_edited_replayed_and_switched_on(application):
    browser = ConsoleClient(application)
    assert browser.send(PAGE, PAGE, **RISK_HIGH).headers["location"] == PAGE
    page = browser.see(PAGE)
    assert "Draft, not switched on yet" in page
    assert "Churn risk is at least 62%" in page
    assert "risk_high: changed" in page
    assert application.alert_rules.in_force() == application.playbook.rules
    refused = browser.send(PAGE, PAGE, act="switch_on")
    assert refused.status_code == 422
    assert "not replayed yet" in refused.text
    browser.send(PAGE, PAGE, act="replay")
    wait_for_replay(application)
    page = browser.see(PAGE)
    assert "without any rule it would be 21.0% (base rate)" in page
    assert "No better than the base rate" in page
    browser.send(PAGE, PAGE, act="switch_on")
    rule = application.alert_rules.in_force().rules[0]
    assert (rule.priority, rule.cooldown_days, rule.opens_task, rule.escalate_days) == (1, 14, True, 3)
    assert rule.when == {"probability": 0.625}
    page = browser.see(PAGE)
    assert "Switched on by local" in page
    assert "Draft, not switched on yet" not in page
    browser.send(PAGE, PAGE, act="playbook")
    assert application.alert_rules.in_force() == application.playbook.rules


def test_the_replay_of_other_rules_does_not_switch_on_these(application):
    browser = ConsoleClient(application)
    browser.send(PAGE, PAGE, **RISK_HIGH)
    browser.send(PAGE, PAGE, act="replay")
    wait_for_replay(application)
    browser.send(PAGE, PAGE, **{**RISK_HIGH, "probability": "70"})
    assert browser.send(PAGE, PAGE, act="switch_on").status_code == 422


def test_a_rule_of_every_kind_keeps_its_values_when_it_is_opened_and_saved(application):
    before = application.alert_rules.rules()
    browser = ConsoleClient(application)
    for rule in before.rules:
        page = browser.see(f"{PAGE}?rule={rule.name}")
        browser.send(PAGE, PAGE, **fields(page), act="save")
    assert application.alert_rules.rules() == before
    assert not application.alert_rules.is_open


class FormReader(HTMLParser):
    """Reads the fields of the form that edits a rule, as a browser would send them."""

    def __init__(self):
        super().__init__()
        self.fields, self._form, self._select = {}, False, ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self._form = given.get("class") == "rule-form" and not self.fields
        if not self._form:
            return
        if tag == "select":
            self._select = given["name"]
        elif tag == "option" and ("selected" in given or self._select not in self.fields):
            self.fields[self._select] = given.get("value")
        elif tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.fields[given["name"]] = given.get("value", "")

    def handle_data(self, data):
        # An option without a value has its text as the value.
        if self._form and self._select and self.fields.get(self._select) is None and data.strip():
            self.fields[self._select] = data.strip()


def fields(page):
    reader = FormReader()
    reader.feed(page)
    return {name: value for name, value in reader.fields.items() if name != "token"}


@pytest.mark.parametrize(
    ("changed", "english", "chinese"),
    [
        ({"probability": "620"}, "6.2 is not a share", "6.2 不是比例"),
        ({"probability": "high"}, "“high” is not a number", "“high”不是数字"),
        ({"en": "{nobody}"}, "“{nobody}” is not known", "未知占位符“{nobody}”"),
        ({"name": "Risk high"}, "“Risk high” is not a name", "“Risk high”不是有效名称"),
        ({"replaced": "", "name": "tier_fall"}, "is there twice", "“tier_fall”重复"),
    ],
)
def test_a_rule_that_is_not_valid_is_refused_with_a_sentence_in_the_page_s_language(
    application, changed, english, chinese
):
    for language, sentence in (("en", english), ("zh", chinese)):
        answer = ConsoleClient(application, language).send(PAGE, PAGE, **{**RISK_HIGH, **changed})
        assert answer.status_code == 422
        assert sentence in answer.text
        assert 'value="14"' in answer.text
    assert not application.alert_rules.is_open


def test_limits_are_part_of_the_draft_and_a_rule_can_be_added_and_deleted(application):
    browser = ConsoleClient(application, "zh")
    browser.send(PAGE, PAGE, act="limits", capacity="20", quiet_from="20", quiet_to="8")
    browser.send(PAGE, PAGE, **{**RISK_HIGH, "replaced": "", "name": "own_rule"})
    browser.send(PAGE, PAGE, act="delete", replaced="hot_lead")
    rules = application.alert_rules.rules()
    assert (rules.capacity_per_week, rules.quiet_hours) == (20, (20, 8))
    page = browser.see(PAGE)
    assert "own_rule: 新增" in page
    assert "hot_lead: 已删除" in page
    assert "流失概率不低于 62%" in page
    browser.send(PAGE, PAGE, act="discard")
    assert not application.alert_rules.is_open


def test_only_admins_edit_rules_and_see_receivers():
    application = ExampleApplication(keys_disabled=False)
    browser = ConsoleClient(application)
    browser.send("/sign-in", page="/sign-in", key="key-of-all")
    assert browser.ask("GET", PAGE).status_code == 403
    assert browser.ask("GET", "/alerts/receivers").status_code == 403
    assert browser.send(PAGE, "/", act="replay").status_code == 403
    assert "Edit and replay the rules" not in browser.see("/alerts")


class Refusing:
    def send(self, *_):
        raise DeliveryError("status 400", refused=True)


def test_a_dead_letter_is_shown_and_sent_again_from_the_page(application):
    folder = application.data_dir
    changes = ChangeStore(folder, 0.02)
    at = datetime(2026, 11, 1, tzinfo=UTC)
    changes.record_alert("churn", "C-1003", {"id": "a1"}, as_of=at.isoformat(), now=at)
    deliveries = WebhookDeliveries(folder, changes)
    for hour in range(REFUSALS):
        deliveries.round(Receiver("crm", "all", Refusing()), at + timedelta(hours=hour))
    browser = ConsoleClient(application)
    page = browser.see("/alerts/receivers")
    assert "status 400" in page
    assert "Send dead letters again" in page
    assert "n=1" in browser.send("/alerts/receivers", "/alerts/receivers", name="crm").headers["location"]
    assert application.receivers.state("crm").dead == 0
    assert browser.send("/alerts/receivers", PAGE, name="nobody").status_code == 422


@pytest.mark.parametrize(
    ("stored", "shown"), [("answered 503", "返回状态 503"), ("no answer (URLError)", "无响应（URLError）")]
)
def test_what_a_delivery_ran_into_is_told_in_the_language_of_the_page(application, monkeypatch, stored, shown):
    channel = {"name": "webhook", "delivered": 0, "waiting": 3, "delivered_at": None, "problem": stored}
    monkeypatch.setattr(application.alert_marks, "channels", lambda _now: [channel])
    page = ConsoleClient(application, "zh").see("/alerts/receivers")
    assert shown in page
    assert stored not in page

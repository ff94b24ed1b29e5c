"""Webhooks of the change feed: a receiver that was down gets everything, in order, without an operator."""

import base64
import hashlib
import hmac
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from http_receiver import receiver

from rapport.errors import SettingsError
from rapport.history.settings import Settings
from rapport.serving.jobs.webhook_deliveries import WebhookDeliveries, receivers_of
from rapport.serving.live.change_store import ChangeStore, CustomerState

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRET = "a-secret-of-enough-bytes"


@contextmanager
def receiving(answer):
    """Serve a receiver; ``answer(number)`` is the status of each message."""
    received = []

    def take(_, headers, body):
        status = answer(json.loads(body)["data"]["seq"])
        if status == 200:
            received.append((headers, body))
        return status

    with receiver(take) as url:
        yield f"{url}/hook", received


def _feed(folder, count=40):
    store = ChangeStore(folder)
    for number in range(count):
        values = {"probability": number / count, "risk_band": "low", "owner": "Maria"}
        store.record("churn", [CustomerState(f"C{number % 4}", "2026-11-02", values)], cause="event", now=START)
    return store


def _receiver(url, send="all"):
    settings = Settings.of({"webhooks": {"crm": {"url": url, "secret": "CRM_SECRET", "send": send}}})
    return receivers_of(settings, {"CRM_SECRET": SECRET})[0]


def test_a_receiver_that_was_down_for_ten_minutes_gets_everything_in_order(tmp_path):
    state = {"up": False}
    with receiving(lambda _: 200 if state["up"] else 503) as (url, received):
        deliveries, receiver = WebhookDeliveries(tmp_path, _feed(tmp_path)), _receiver(url)
        for seconds in range(0, 1_200, 2):
            state["up"] = seconds > 600
            found = deliveries.round(receiver, START + timedelta(seconds=seconds))
    assert (found.delivered, found.waiting, found.dead, found.failures) == (40, 0, 0, 0)
    numbers = {}
    for _, body in received:
        data = json.loads(body)["data"]
        numbers.setdefault(data["customer_id"], []).append(data["customer_seq"])
    assert all(each == list(range(1, len(each) + 1)) for each in numbers.values()), "no gap, none twice"
    headers, body = received[0]
    key = {name.lower(): value for name, value in headers.items()}
    signed = f"{key['webhook-id']}.{key['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert key["webhook-signature"] == f"v1,{expected}"


def test_a_refused_message_is_a_dead_letter_that_can_be_sent_again(tmp_path):
    state = {"bad": 3}
    with receiving(lambda seq: 422 if seq == state["bad"] else 200) as (url, received):
        deliveries, receiver = WebhookDeliveries(tmp_path, _feed(tmp_path, 6)), _receiver(url)
        for minutes in range(100):
            found = deliveries.round(receiver, START + timedelta(minutes=minutes))
        assert (found.delivered, found.dead) == (5, 1)
        state["bad"] = 0
        assert deliveries.replay("crm") == 1
        assert deliveries.round(receiver, START + timedelta(hours=3)).dead == 0
    assert len(received) == 6


def test_held_out_customers_and_other_kinds_are_not_sent(tmp_path):
    with receiving(lambda _: 200) as (url, received):
        store = _feed(tmp_path, 8)
        store.record_alert("churn", "C1", {"rule": "lawsuit"}, as_of="2026-11-02", now=START)
        deliveries = WebhookDeliveries(tmp_path, store)
        deliveries.round(_receiver(url, "alerts"), START, lambda: {"C2"})
        assert [json.loads(body)["type"] for _, body in received] == ["rapport.alert"]
    with receiving(lambda _: 200) as (url, received):
        WebhookDeliveries(tmp_path / "other", store).round(_receiver(url), START, lambda: {"C2"})
        assert {json.loads(body)["data"]["customer_id"] for _, body in received} == {"C0", "C1", "C3"}


def test_a_receiver_without_a_secret_is_refused_with_the_variable():
    settings = Settings.of({"webhooks": {"crm": {"url": "https://crm.example", "secret": "CRM_SECRET"}}})
    with pytest.raises(SettingsError, match="CRM_SECRET is not set"):
        receivers_of(settings, {})

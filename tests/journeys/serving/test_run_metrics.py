"""What an operator watches: metrics of scoring runs, the runs that the gates refused, and spans of requests."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from http_receiver import receiver
from serving_world import AS_OF, NOW, copy_home, served

from rapport.errors import RefusedRunError
from rapport.history.settings import Settings
from rapport.scoring.alerts import Alert
from rapport.serving.jobs.channels import Webhook
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.jobs.webhook_deliveries import WebhookDeliveries, receivers_of
from rapport.serving.live.change_store import ChangeStore, CustomerState
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring


def _metric(page, name):
    found = re.search(rf'^{name}{{target="churn"}} (\S+)$', page, re.MULTILINE)
    return float(found.group(1)) if found else None


def test_a_run_and_a_refused_run_are_in_the_metrics(company, tmp_path):
    home = copy_home(company, tmp_path / "home")
    with served(home, keys=False) as client:
        page = client.get("/metrics").text
        assert _metric(page, "rapport_run_last_success_seconds") == NOW.timestamp()
        assert _metric(page, "rapport_run_rows") == len(load_live_model(home, "churn").snapshot.scored)
        assert 0 < _metric(page, "rapport_run_duration_seconds") < 600
        assert _metric(page, "rapport_run_refused") == 0
        with pytest.raises(RefusedRunError):
            run_scoring(
                company.history, home, "churn", as_of=AS_OF + timedelta(days=90), now=NOW, progress=lambda *_: None
            )
        page = client.get("/metrics").text
        assert _metric(page, "rapport_run_refused") == 1
        assert _metric(page, "rapport_run_last_success_seconds") == NOW.timestamp()


def test_requests_become_spans_below_their_callers_and_name_no_customer(company):
    sent = []

    def take(path, _, body):
        sent.append((path, json.loads(body)))
        return 200

    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with (
        receiver(take) as url,
        served(company.home, keys=False, traces_url=f"{url}/v1/traces", traces_share=0.0) as client,
    ):
        caller = {"traceparent": f"00-{trace}-{parent}-01"}
        for headers, ids in (({}, ["C000001"]), (caller, ["C000002"]), (caller, [])):
            client.post("/v1/score", json={"customer_ids": ids}, headers=headers)
    # What waits is sent when the worker stops.
    spans = [
        span
        for _, body in sent
        for part in body["resourceSpans"]
        for scope in part["scopeSpans"]
        for span in scope["spans"]
    ]
    assert {path for path, _ in sent} == {"/v1/traces"}
    assert [(span["name"], span["traceId"], span["parentSpanId"]) for span in spans] == [
        ("POST /v1/score", trace, parent)
    ] * 2
    values = [{one["key"]: next(iter(one["value"].values())) for one in span["attributes"]} for span in spans]
    assert [one["http.response.status_code"] for one in values] == ["200", "400"]
    assert all(int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"]) for span in spans)
    assert "C00000" not in json.dumps(sent)


def test_what_does_not_arrive_is_in_the_metrics_and_on_the_readiness_page(company, tmp_path):
    home, now = copy_home(company, tmp_path / "home"), datetime.now(UTC)
    (home / "alerts.db").unlink(missing_ok=True)
    with served(home, keys=False) as client:
        assert set(client.get("/readyz").json()["undelivered"].values()) == {0}
    outbox, feed = Outbox(home / "alerts.db"), ChangeStore(home)
    alerts = [Alert(f"a{place}", "C000001", "any", "cause", 1, AS_OF, "Look", "看", 1.0, True) for place in range(3)]
    outbox.put(alerts[:1], ["webhook"], None, now)
    with receiver(lambda *_: 503) as url:
        assert outbox.deliver(Webhook(url, "a-secret-of-enough-bytes"), now).failed == 1
        # Due for twenty minutes, and no worker has run; and one that waits for the end of quiet hours.
        outbox.put(alerts[1:2], ["webhook"], None, now - timedelta(minutes=20))
        outbox.put(alerts[2:], ["webhook"], None, now + timedelta(hours=8))
        feed.record("churn", [CustomerState("C000001", "2026-11-02", {"probability": 0.5})], cause="event", now=now)
        settings = Settings.of({"webhooks": {"crm": {"url": url, "secret": "CRM_SECRET"}}})
        [crm] = receivers_of(settings, {"CRM_SECRET": "a-secret-of-enough-bytes"})
        # The service writes what the run changed into the feed, too, as soon as it comes to it.
        waiting = WebhookDeliveries(home, feed).round(crm, now)
        assert waiting.failures == 1
    with served(home, keys=False, reload_seconds=0.1) as client:
        counts = {"alerts_failed": 1, "alerts_overdue": 1, "webhooks_waiting": waiting.waiting, "webhooks_dead": 0}
        assert client.get("/readyz").json()["undelivered"] == counts
        page = client.get("/metrics").text
        for name, value in (("waiting", 3), ("failed", 1), ("overdue", 1)):
            assert f'rapport_alerts_{name}{{channel="webhook"}} {value}.0' in page
        assert 'rapport_webhook_failures{receiver="crm"} 1.0' in page

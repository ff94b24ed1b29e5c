"""What an operator watches: metrics of scoring runs, the runs that the gates refused, and spans of requests."""

import json
import re
from datetime import timedelta

import pytest
from http_receiver import receiver
from serving_world import AS_OF, NOW, copy_home, served

from rapport.errors import RefusedRunError
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

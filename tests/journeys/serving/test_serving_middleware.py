"""Middleware: size, time and rate limits, and their metrics."""

import threading
from concurrent.futures import ThreadPoolExecutor

from serving_world import bearer, error_of, served

from rapport.serving.api.handlers import Handlers
from rapport.serving.application.application import Application
from rapport.serving.errors import RequestError
from rapport.serving.security.request_context import check_deadline


def test_made_up_paths_add_no_metrics(keyed, secrets):
    for path in ("/made-up-before", "/v1/made-up-before", "/metrics"):
        keyed.get(path, headers=bearer(secrets["read"]))
        keyed.post(path)
    before = keyed.get("/metrics", headers=bearer(secrets["read"])).text
    for place in range(100):
        keyed.get(f"/made-up-{place}")
        keyed.post(f"/v1/made-up-{place}")
    after = keyed.get("/metrics", headers=bearer(secrets["read"])).text
    assert len(after.splitlines()) == len(before.splitlines())


def test_metrics_need_a_key_but_health_does_not(keyed):
    assert keyed.get("/metrics").status_code == 401
    assert keyed.get("/livez").status_code == 200
    assert keyed.get("/readyz").json()["ready"] is True


# More ids than the event loop answers itself, so that a thread waits.
BULK = ["x"] * 50


def test_too_many_concurrent_requests_are_refused_and_counted(keyed_home, secrets, monkeypatch):
    gate, entered = threading.Event(), threading.Event()
    with served(keyed_home, in_flight=1) as client:
        _block_scoring(monkeypatch, gate, entered)
        headers = bearer(secrets["admin"])
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(client.post, "/v1/score", json={"customer_ids": BULK}, headers=headers)
            assert entered.wait(10)
            second = client.post("/v1/score", json={"customer_ids": BULK}, headers=headers)
            assert client.get("/readyz").status_code == 200
            gate.set()
            assert first.result().status_code == 200
        assert (second.status_code, error_of(second)["code"]) == (429, "busy")
        assert second.headers["retry-after"] == "1"
        assert client.post("/v1/score", json={"customer_ids": BULK}, headers=headers).status_code == 200
        assert (
            'rapport_requests_total{route="/v1/score",status="429"} 1.0' in client.get("/metrics", headers=headers).text
        )


def _block_scoring(monkeypatch, gate, entered):
    original = Handlers.score

    def slow(self, request, context):
        entered.set()
        gate.wait(10)
        return original(self, request, context)

    monkeypatch.setattr(Handlers, "score", slow)


def test_a_request_that_takes_too_long_is_stopped_and_counted(keyed_home, secrets, monkeypatch):
    ended = threading.Event()

    def endless(*_, **__):
        try:
            while True:
                threading.Event().wait(0.02)
                check_deadline()
        except RequestError:
            ended.set()
            raise

    monkeypatch.setattr(Application, "customer", endless)
    monkeypatch.setattr("rapport.serving.api.handlers.Handlers._check_visible", lambda *_: None)
    with served(keyed_home, timeout_seconds=0.3) as client:
        response = client.post("/v1/customer", json={"customer_id": "x"}, headers=bearer(secrets["admin"]))
        assert (response.status_code, error_of(response)["code"]) == (504, "timeout")
        assert ended.wait(5)
        metrics = client.get("/metrics", headers=bearer(secrets["admin"])).text
        assert 'rapport_requests_total{route="/v1/customer",status="504"} 1.0' in metrics


def test_a_caller_over_its_rate_waits_while_another_does_not(keyed_home, secrets):
    with served(keyed_home, requests_per_minute=3) as client:
        ask = {"json": {"customer_ids": ["x"]}}
        statuses = [client.post("/v1/score", headers=bearer(secrets["score"]), **ask).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert client.post("/v1/score", headers=bearer(secrets["admin"]), **ask).status_code == 200


def test_guessing_keys_is_rate_limited_and_a_valid_key_is_not(keyed_home, secrets):
    with served(keyed_home, requests_per_minute=3) as client:
        ask = {"json": {"customer_ids": ["x"]}}
        tried = [client.post("/v1/score", headers=bearer(f"rapport_{one}"), **ask) for one in range(5)]
        assert [one.status_code for one in tried] == [401, 401, 401, 429, 429]
        assert error_of(tried[-1])["code"] == "rate"
        assert client.post("/v1/score", headers=bearer(secrets["score"]), **ask).status_code == 200

"""The edge: who may come in, how much, how long; one shape for every refusal; nothing of a customer in logs."""

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from world_of_serving import served

from serving import journal
from serving.api import Api
from serving.asked import still_wanted
from serving.desk import Desk
from serving.endpoints import ENDPOINTS
from serving.keys import KeyRing
from serving.problem import RequestError

PATHS = [endpoint.path for endpoint in ENDPOINTS]


@pytest.fixture(scope="module")
def home(company, tmp_path_factory):
    """The company's home under keys of its own."""
    copy = tmp_path_factory.mktemp("keyed")
    for name in ("models", "scores"):
        (copy / name).symlink_to(company.home / name)
    return copy


@pytest.fixture(scope="module")
def secrets(home):
    now = datetime.now(UTC)
    ring = KeyRing(home)
    made = {scope: ring.add(scope, [scope], now) for scope in ("read", "score", "feedback", "admin")}
    made["old"] = ring.add("old", ["admin"], now, expires_at=now - timedelta(seconds=1))
    return made


@pytest.fixture(scope="module")
def keyed(home, secrets):  # noqa: ARG001  # the keys must be there first
    with served(home, timeout_seconds=2.0, body_bytes=300_000) as client:
        yield client


def bearer(secret):
    return {"authorization": f"Bearer {secret}"}


def error_of(response):
    """Give the refusal; anything but our one shape fails."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "where"}
    assert response.headers["x-request-id"]
    return body["error"]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_or_with_a_wrong_one_nothing_is_answered(keyed, secrets, path):
    for headers in (
        {},
        bearer("rapport_wrong"),
        {"x-api-key": "wrong"},
        bearer(secrets["old"]),
        {"authorization": "Basic eDp5"},
    ):
        response = keyed.post(path, json={}, headers=headers)
        assert (response.status_code, error_of(response)["code"]) == (401, "no_key")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_a_key_opens_only_what_its_scope_says(keyed, secrets, endpoint):
    for scope in ("read", "score", "feedback"):
        status = keyed.post(endpoint.path, json={}, headers=bearer(secrets[scope])).status_code
        assert (status == 403) == (scope != endpoint.scope)
    assert keyed.post(endpoint.path, json={"no": 1}, headers=bearer(secrets["admin"])).status_code == 400


def test_a_revoked_key_ends_at_once_and_a_rotated_one_in_its_time(home, keyed):
    ring, now = KeyRing(home), datetime.now(UTC)
    first = ring.add("crm", ["score"], now)
    second = ring.rotate("crm", now, until=now + timedelta(hours=1))
    body = {"customer_ids": ["x"]}
    assert [keyed.post("/v1/score", json=body, headers=bearer(one)).status_code for one in (first, second)] == [
        200,
        200,
    ]
    ring.revoke("crm")
    assert [keyed.post("/v1/score", json=body, headers=bearer(one)).status_code for one in (first, second)] == [
        401,
        401,
    ]


def test_secrets_are_kept_nowhere(home, secrets):
    text = (home / "keys.json").read_text()
    assert not any(secret in text for secret in secrets.values())
    assert (home / "keys.json").stat().st_mode & 0o077 == 0


JSON = "application/json"
REFUSALS = [
    ("POST /v1/score", b"{not json", JSON, 400, "invalid"),
    ("POST /v1/score", b"", JSON, 400, "invalid"),
    ("POST /v1/score", b"[]", JSON, 400, "invalid"),
    ("POST /v1/score", b"\xff\xfe", JSON, 400, "invalid"),
    ("POST /v1/score", b"[" * 100_000, JSON, 400, "invalid"),
    ("POST /v1/score", b'{"customer_ids": []}', JSON, 400, "invalid"),
    ("POST /v1/score", b'{"customer_ids": ["a"], "extra": 1}', JSON, 400, "invalid"),
    ("POST /v1/score", b'{"customer_ids": [1]}', JSON, 400, "invalid"),
    ("POST /v1/what_if", b'{"customer_id": "a", "changes": {"x": NaN}}', JSON, 400, "invalid"),
    ("POST /v1/what_if", b'{"customer_id": "a", "changes": {"x": 1e999}}', JSON, 400, "invalid"),
    ("POST /v1/what_if", b'{"customer_id": "a", "changes": {"x": "1.5"}}', JSON, 400, "invalid"),
    ("POST /v1/score", b'{"customer_ids": ["a"]}', "text/plain", 415, "not_json"),
    ("POST /v1/score", b"x", "application/vnd.bentoml+pickle", 415, "not_json"),
    ("POST /v1/score", b"x", "multipart/form-data; boundary=x", 415, "not_json"),
    ("POST /v1/score", b" " * 300_001, JSON, 413, "too_large"),
    ("GET /v1/score", b"", JSON, 405, "wrong_method"),
    ("DELETE /v1/customer", b"", JSON, 405, "wrong_method"),
    ("POST /v1/nothing", b"{}", JSON, 404, "not_found"),
    ("GET /docs.json", b"", JSON, 404, "not_found"),
    ("GET /schema.json", b"", JSON, 404, "not_found"),
    ("POST /readyz", b"", JSON, 405, "wrong_method"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[3]}")
def test_every_refusal_has_one_shape(keyed, secrets, refusal):
    line, content, kind, status, code = refusal
    method, path = line.split()
    headers = {**bearer(secrets["admin"]), "content-type": kind}
    response = keyed.request(method, path, content=content, headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_a_packed_body_is_refused_before_it_is_opened(keyed, secrets):
    headers = {**bearer(secrets["admin"]), "content-type": JSON, "content-encoding": "gzip"}
    assert error_of(keyed.post("/v1/score", content=b"\x1f\x8b", headers=headers))["code"] == "not_json"


def test_a_body_sent_in_pieces_is_cut_off_too(keyed, secrets):
    pieces = (b"x" * 10_000 for _ in range(100))
    headers = {**bearer(secrets["admin"]), "content-type": "application/json"}
    assert error_of(keyed.post("/v1/score", content=pieces, headers=headers))["code"] == "too_large"


def test_bad_values_appear_in_no_answer_and_no_log(keyed, secrets, caplog):
    hidden = "Ms-Private-Name"
    rows = [{"order_id": hidden, "ordered_at": hidden, "amount": hidden}]
    history = {"customer": {"customer_id": hidden, "name": [hidden]}, "orders": rows}
    formatted = _formatted(caplog)
    for path, body in (
        ("/v1/score", {"customer_ids": [hidden, {"a": hidden}]}),
        ("/v1/score_history", {"as_of": hidden, "histories": [history]}),
        ("/v1/customer", {"customer_id": hidden}),
        ("/v1/change", {"customer_id": hidden, "from": "2026-01-01", "to": "2026-02-01"}),
    ):
        response = keyed.post(path, json=body, headers=bearer(secrets["admin"]))
        assert response.status_code in (400, 404)
        assert hidden not in response.text
    assert formatted()
    assert hidden not in formatted()


def _formatted(caplog):
    """Give the log as the service writes it."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(journal.JsonLines().format(record) for record in caplog.records if record.name != "httpx")


def test_a_hundred_thousand_bad_values_cost_a_short_answer(keyed, secrets):
    headers = {**bearer(secrets["admin"]), "content-type": "application/json"}
    many = {
        "ids": json.dumps({"customer_ids": list(range(40_000))}),
        "keys": json.dumps({f"k{place}": 0 for place in range(20_000)}),
        "changes": json.dumps({"customer_id": "a", "changes": {f"k{place}": "x" for place in range(10_000)}}),
    }
    for path, body in (("score", many["ids"]), ("score", many["keys"]), ("what_if", many["changes"])):
        response = keyed.post(f"/v1/{path}", content=body, headers=headers)
        assert response.status_code == 400
        assert len(response.content) < 700


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


# More than are answered on the event loop, so that a thread is what waits.
BULK = ["x"] * 50


def test_too_many_at_once_are_sent_away_and_counted(home, secrets, monkeypatch):
    gate, entered = threading.Event(), threading.Event()
    with served(home, in_flight=1) as client:
        _slow_down(monkeypatch, gate, entered)
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


def _slow_down(monkeypatch, gate, entered):
    quick = Api.score

    def slow(self, request, asked):
        entered.set()
        gate.wait(10)
        return quick(self, request, asked)

    monkeypatch.setattr(Api, "score", slow)


def test_what_takes_too_long_is_given_up_counted_and_stops_working(home, secrets, monkeypatch):
    ended = threading.Event()

    def endless(*_, **__):
        try:
            while True:
                threading.Event().wait(0.02)
                still_wanted()
        except RequestError:
            ended.set()
            raise

    monkeypatch.setattr(Desk, "customer", endless)
    monkeypatch.setattr("serving.api.Api._refuse_unseen", lambda *_: None)
    with served(home, timeout_seconds=0.3) as client:
        response = client.post("/v1/customer", json={"customer_id": "x"}, headers=bearer(secrets["admin"]))
        assert (response.status_code, error_of(response)["code"]) == (504, "timeout")
        assert ended.wait(5)
        metrics = client.get("/metrics", headers=bearer(secrets["admin"])).text
        assert 'rapport_requests_total{route="/v1/customer",status="504"} 1.0' in metrics


@pytest.mark.parametrize("error", [KeyError("Ms-Private"), ValueError("Ms-Private")])
def test_a_fault_of_ours_is_ours_and_tells_nothing(home, secrets, monkeypatch, caplog, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("serving.current.Current.answers", broken)
    formatted = _formatted(caplog)
    with served(home) as client:
        response = client.post("/v1/score", json={"customer_ids": ["x"]}, headers=bearer(secrets["admin"]))
    assert (response.status_code, error_of(response)["code"]) == (500, "internal")
    assert type(error).__name__ in formatted()
    assert "Ms-Private" not in formatted() + response.text


def test_a_caller_over_its_rate_waits_while_another_does_not(home, secrets):
    with served(home, requests_per_minute=3) as client:
        ask = {"json": {"customer_ids": ["x"]}}
        statuses = [client.post("/v1/score", headers=bearer(secrets["score"]), **ask).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert client.post("/v1/score", headers=bearer(secrets["admin"]), **ask).status_code == 200


def test_whoever_tries_keys_is_slowed_down_and_a_right_key_is_not(home, secrets):
    with served(home, requests_per_minute=3) as client:
        ask = {"json": {"customer_ids": ["x"]}}
        tried = [client.post("/v1/score", headers=bearer(f"rapport_{one}"), **ask) for one in range(5)]
        assert [one.status_code for one in tried] == [401, 401, 401, 429, 429]
        assert error_of(tried[-1])["code"] == "rate"
        assert client.post("/v1/score", headers=bearer(secrets["score"]), **ask).status_code == 200


def test_without_keys_only_this_machine_is_answered_under_its_own_name(company, open_client):
    assert open_client.get("/readyz").status_code == 200
    rebound = open_client.get("/readyz", headers={"host": "evil.example:3000"})
    assert error_of(rebound)["code"] == "loopback_only"
    with served(company.home, keys=False) as client:
        client._transport.client = ("10.0.0.7", 50_000)
        assert client.get("/readyz").status_code == 403


def test_keys_cannot_be_off_beyond_loopback(company):
    with served(company.home, keys=False, host="0.0.0.0") as client:
        assert client.post("/v1/score", json={"customer_ids": ["x"]}).status_code == 401


def test_every_answer_carries_the_security_headers_and_names_no_product(keyed):
    for path in ("/livez", "/", "/nothing-here"):
        headers = keyed.get(path, follow_redirects=False).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
        assert "server" not in headers
        assert "x-bentoml-request-id" not in headers


def test_a_harmless_request_id_is_kept_and_a_harmful_one_replaced(keyed):
    assert keyed.get("/livez", headers={"x-request-id": "crm-7"}).headers["x-request-id"] == "crm-7"
    assert keyed.get("/livez", headers={"x-request-id": '"}{"x'}).headers["x-request-id"] != '"}{"x'


def test_a_reader_with_an_owner_sees_only_its_own_customers(home, keyed, company):
    owner = company.history.connection.execute(
        "SELECT owner FROM customers WHERE owner IS NOT NULL LIMIT 1"
    ).fetchone()[0]
    secret = KeyRing(home).add("theirs", ["read", "score"], datetime.now(UTC), owner=owner)
    rows = keyed.post("/v1/customers", json={"limit": 1000}, headers=bearer(secret)).json()["customers"]
    assert {row["owner"] for row in rows} == {owner}
    all_rows = keyed.post("/v1/customers", json={"limit": 1000}, headers=bearer(_admin(home))).json()["customers"]
    other = next(row["customer_id"] for row in all_rows if row["owner"] != owner)
    [answer] = keyed.post("/v1/score", json={"customer_ids": [other]}, headers=bearer(secret)).json()["answers"]
    assert answer["error"]["code"] == "not_found"
    assert keyed.post("/v1/customer", json={"customer_id": other}, headers=bearer(secret)).status_code == 404


def _admin(home):
    return KeyRing(home).add(f"admin-{len(KeyRing(home).keys())}", ["admin"], datetime.now(UTC))

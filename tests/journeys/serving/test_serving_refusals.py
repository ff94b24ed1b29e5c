"""One shape for every error, and no customer data in errors and logs."""

import json
import logging
import re

import pytest
from serving_world import bearer, error_of, served

from rapport.serving import logging_setup

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
    ("POST /readyz", b"", JSON, 405, "wrong_method"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[3]}")
def test_every_error_has_one_shape(keyed, secrets, refusal):
    line, content, kind, status, code = refusal
    method, path = line.split()
    headers = {**bearer(secrets["admin"]), "content-type": kind}
    response = keyed.request(method, path, content=content, headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (status, code)


def test_a_compressed_body_is_refused_before_it_is_read(keyed, secrets):
    headers = {**bearer(secrets["admin"]), "content-type": JSON, "content-encoding": "gzip"}
    assert error_of(keyed.post("/v1/score", content=b"\x1f\x8b", headers=headers))["code"] == "not_json"


def test_a_chunked_body_over_the_limit_is_refused(keyed, secrets):
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


def test_a_hundred_thousand_bad_values_get_a_short_answer(keyed, secrets):
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


@pytest.mark.parametrize("error", [KeyError("Ms-Private"), ValueError("Ms-Private")])
def test_an_internal_error_reveals_nothing(keyed_home, secrets, monkeypatch, caplog, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("rapport.serving.application.score_answers.ScoreAnswers.rendered", broken)
    formatted = _formatted(caplog)
    with served(keyed_home) as client:
        response = client.post("/v1/score", json={"customer_ids": ["x"]}, headers=bearer(secrets["admin"]))
    assert (response.status_code, error_of(response)["code"]) == (500, "internal")
    assert type(error).__name__ in formatted()
    assert "Ms-Private" not in formatted() + response.text


def test_every_response_has_the_security_headers_and_names_no_product(keyed):
    for path in ("/livez", "/", "/nothing-here"):
        headers = keyed.get(path, follow_redirects=False).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
        assert "server" not in headers
        assert "x-bentoml-request-id" not in headers


def test_a_well_formed_request_id_is_kept_and_any_other_replaced(keyed):
    assert keyed.get("/livez", headers={"x-request-id": "crm-7"}).headers["x-request-id"] == "crm-7"
    assert keyed.get("/livez", headers={"x-request-id": '"}{"x'}).headers["x-request-id"] != '"}{"x'


def _formatted(caplog):
    """Return the log as the service writes it."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(
        logging_setup.JsonLines().format(record) for record in caplog.records if record.name != "httpx"
    )

"""What other programs use: both typed clients, the published schemas, and malformed bodies."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_world import served

from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.api.openapi import document
from rapport.serving.api.service import build
from rapport.serving.client import AsyncRapport, Rapport, RefusedError
from rapport.serving.environment import Environment

ROOT = Path(__file__).parents[3]


def test_the_client_calls_every_endpoint(open_client, active):
    rapport = Rapport("http://127.0.0.1", client=open_client)
    listed = list(rapport.customers(page=100))
    assert len(listed) == len(active)
    many = rapport.score([*active, *active, *active, "nobody"] * 3, reasons=1)
    assert len(many) == (3 * len(active) + 1) * 3
    assert "error" in many[-1]
    first = active[0]
    assert rapport.what_if(first, {"tickets_open": 0})["before"]["customer_id"] == first
    assert rapport.change(first, "2026-11-01", "2026-11-01")["parts"] == []
    assert rapport.customer(first, language="zh")["customer"]["customer_id"] == first
    assert rapport.feedback(first, "right", idempotency_key="client-1")["verdict"] == "right"
    assert rapport.feedback(first, "right", repeat_key="client-1")["repeated"] is True
    task = rapport.open_task(first, "Start the renewal", due="2026-11-09")
    assert rapport.change_task(task["id"], "finish", outcome="retained")["status"] == "done"
    assert task["id"] in [one["id"] for one in rapport.tasks(customer_id=first, status="done")]
    history = {"customer": {"customer_id": "n", "created_at": "2026-05-01"}}
    assert rapport.score_history("2026-11-01", [history])[0]["customer_id"] == "n"
    with pytest.raises(RefusedError, match="No such customer") as refused:
        rapport.customer("nobody")
    assert (refused.value.status, refused.value.code, refused.value.where) == (404, "not_found", "customer_id")


def test_the_async_client_returns_the_same(company, active, open_client):
    async def asked():
        app = build(Environment(data_dir=company.home, keys=False)).to_asgi()
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
            app.router.lifespan_context(app),
        ):
            rapport = AsyncRapport("", client=http)
            answers = await rapport.score(active[:3])
            listed = [customer async for customer in rapport.customers(page=100)]
            return answers, listed

    answers, listed = asyncio.run(asked())
    rapport = Rapport("", client=open_client)
    assert answers == rapport.score(active[:3])
    assert listed == list(rapport.customers(page=100))


def test_the_postman_collection_has_every_endpoint_with_its_example():
    held = json.loads((ROOT / "deploy/rapport.postman_collection.json").read_text())
    bodies = {item["request"]["url"]: json.loads(item["request"]["body"]["raw"]) for item in held["item"]}
    assert bodies == {"{{url}}" + endpoint.path: endpoint.example for endpoint in ENDPOINTS}


def test_the_openapi_document_has_every_endpoint_and_no_dangling_reference(open_client):
    page = open_client.get("/openapi.json").json()
    assert page == json.loads(json.dumps(document(page["info"]["version"])))
    jobs = {"/v1/jobs/{job}", "/v1/jobs/{job}/result"}
    assert set(page["paths"]) == {endpoint.path for endpoint in ENDPOINTS} | jobs | {"/livez", "/readyz"}
    schemas = page["components"]["schemas"]
    text = json.dumps(page)
    assert all(f'"{name}"' in text for name in schemas)
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def nearly_valid(draw):
    """A valid body with some of its parts replaced, dropped or doubled; or anything at all."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    body = json.loads(json.dumps(endpoint.example))
    # Some endpoints have no field in their example.
    for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=2)) if body else []:
        body[name] = draw(plain)
    body |= draw(st.dictionaries(st.text(max_size=8), plain, max_size=1))
    return endpoint.path, draw(st.sampled_from([body, body, body, draw(plain)]))


def _never_a_server_error(client, path, body):
    response = client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code < 500, response.text
    assert response.status_code == 200 or set(response.json()["error"]) == {"code", "message", "where"}
    assert "Traceback" not in response.text


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=nearly_valid())
def test_no_body_causes_a_server_error(open_client, asked):
    _never_a_server_error(open_client, *asked)


@pytest.mark.slow
@pytest.mark.evidence
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=nearly_valid())
def test_ten_thousand_bodies_cause_no_server_error(open_client, asked):
    _never_a_server_error(open_client, *asked)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=200))
def test_bytes_that_are_not_json_are_refused(open_client, content):
    response = open_client.post("/v1/score", content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 200)


@pytest.mark.slow
def test_schemathesis_finds_no_error_and_no_undocumented_answer(company):
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra dev)")
    with served(company.home, keys=False) as client:
        schema = schemathesis.openapi.from_dict(document("1"))
        checked = 0
        for operation in schema.get_all_operations():
            checked += _checked(client, operation.ok())
    assert checked == len(ENDPOINTS) + 5


def _checked(client, operation) -> int:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def every_answer_is_documented(case):
        body = json.dumps(case.body) if isinstance(case.body, dict | list) else "{}"
        headers = {"content-type": "application/json", **_plain_headers(case.headers)}
        response = client.request(case.method, case.path, content=body, headers=headers)
        assert response.status_code < 500 or response.status_code == 503
        assert str(response.status_code) in operation.definition.raw["responses"]

    every_answer_is_documented()
    return 1


def _plain_headers(headers) -> dict:
    return {name: value for name, value in (headers or {}).items() if value.isascii() and value.isprintable()}

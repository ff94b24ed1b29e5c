"""What other programs use: both typed clients, the published schemas, and malformed bodies."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

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

"""What a BentoML user expects from its own documentation: apis, schema, client, model store."""

import os
from datetime import UTC, datetime

import bentoml
import pytest
from free_ports import free_port
from serving_world import history_body, served

from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.api.service import build
from rapport.serving.environment import Environment
from rapport.serving.run import prepared, running
from rapport.serving.security.keys import KeyRing


def test_every_endpoint_is_an_api_with_its_pydantic_shapes(company):
    service = build(Environment(data_dir=company.home, keys=False))
    assert {api.route for api in service.apis.values()} == {endpoint.path for endpoint in ENDPOINTS}
    routes = {route["name"]: route for route in service.schema()["routes"]}
    assert set(routes["score"]["input"]["properties"]) == {"customer_ids", "target", "reasons", "language"}
    assert "answers" in routes["score"]["output"]["properties"]


def test_the_schema_page_is_bentomls(open_client):
    page = open_client.get("/schema.json")
    assert page.status_code == 200
    assert {route["route"] for route in page.json()["routes"]} == {endpoint.path for endpoint in ENDPOINTS}


@pytest.fixture(scope="module")
def server(company):
    environment = Environment(data_dir=company.home, port=free_port(), workers=1, keys=False)
    with running(prepared(environment, lambda _: None), os.environ) as (url, _):
        yield url


def test_bentomls_client_answers_as_ours_does(server, ask, company, active):
    with bentoml.SyncHTTPClient(server) as client:
        assert client.is_ready()
        assert client.score(customer_ids=active[:3], target="churn") == ask("score", customer_ids=active[:3])
        assert client.customers(limit=5) == ask("customers", limit=5)
        body = history_body(company, active[0])
        answers = client.score_history(as_of="2026-11-01", histories=[body])["answers"]
        assert answers == ask("score_history", as_of="2026-11-01", histories=[body])["answers"]
        with pytest.raises(bentoml.exceptions.BentoMLException):
            client.score(customer_ids=[])


def test_bentomls_client_sends_a_key(company, tmp_path, active):
    for name in ("models", "scores"):
        (tmp_path / name).symlink_to(company.home / name)
    secret = KeyRing(tmp_path).add("crm", ["score"], datetime.now(UTC))
    environment = Environment(data_dir=tmp_path, port=free_port(), workers=1)
    with running(prepared(environment, lambda _: None), os.environ) as (url, _):
        with bentoml.SyncHTTPClient(url, token=secret) as client:
            assert client.score(customer_ids=active[:1])["answers"][0]["probability"] is not None
        with bentoml.SyncHTTPClient(url) as client, pytest.raises(bentoml.exceptions.BentoMLException):
            client.score(customer_ids=active[:1])


def test_the_apis_answer_in_the_same_process(company, ask, active):
    service = build(Environment(data_dir=company.home, keys=False))
    with served(company.home, keys=False):
        instance = service.inner()
        try:
            assert dict(instance.score(customer_ids=active[:2])) == ask("score", customer_ids=active[:2])
        finally:
            instance.close()

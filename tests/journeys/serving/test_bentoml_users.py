"""What a BentoML user expects from its own documentation: apis, schema, client, model store."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import bentoml
import pytest
from free_ports import free_port
from serving_world import history_body, served

from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.api.service import build
from rapport.serving.environment import Environment
from rapport.serving.run import prepared, running
from rapport.serving.security.keys import KeyRing

ROOT = Path(__file__).parents[3]


def test_every_endpoint_is_an_api_with_its_pydantic_shapes(company):
    service = build(Environment(data_dir=company.home, keys=False))
    assert {api.route for api in service.apis.values()} == {endpoint.path for endpoint in ENDPOINTS}
    routes = {route["name"]: route for route in service.schema()["routes"]}
    assert set(routes["score"]["input"]["properties"]) == {"customer_ids", "target", "reasons", "language", "horizons"}
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


def test_a_model_is_an_entry_of_bentomls_model_store(company, tmp_path):
    """In a process of its own: BentoML reads the place of its store when it is imported."""
    environ = os.environ | {"BENTOML_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*words, status=0):
        ran = subprocess.run([sys.executable, "-m", *words], env=environ, capture_output=True, text=True, check=False)
        assert ran.returncode == status, ran.stderr
        return ran.stdout + ran.stderr

    export = ("rapport", "models", "export", "1", "--data-dir", str(company.home))
    assert json.loads(run(*export, "--json"))["tag"] == "rapport-churn:1"
    listed = json.loads(run("bentoml", "models", "list", "--output", "json"))
    assert [one["tag"] for one in listed] == ["rapport-churn:1"]
    assert "bentoml models delete rapport-churn:1" in run(*export, status=13)
    program = "from rapport.serving.api.bento_models import load_model; print(load_model('rapport-churn:1').base)"
    ran = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert float(ran.stdout) == company.bundle.base


@pytest.mark.slow
def test_a_bento_is_built_and_listed_and_its_requirements_fit(tmp_path):
    """Build as `make bento` does. The requirements are resolved against this environment, without an index."""
    home, built = tmp_path / "bentoml", tmp_path / "checkout"
    shutil.copytree(ROOT, built, ignore=shutil.ignore_patterns(".*", "build", "docs_site", "*.egg-info", "__pycache__"))
    environ = os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    subprocess.run(
        ["make", "bento", f"BIN={Path(sys.executable).parent}", "READY="], cwd=built, env=environ, check=True,
        capture_output=True,
    )  # fmt: skip
    (bento,) = (home / "bentos" / "rapport").glob("*/bento.yaml")
    listed = subprocess.run(
        [sys.executable, "-m", "bentoml", "list", "--output", "json"], env=environ, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert [one["tag"].split(":")[0] for one in json.loads(listed.stdout)] == ["rapport"]
    python = bento.parent / "env" / "python"
    (wheel,) = python.glob("wheels/*.whl")
    pinned = (python / "requirements.txt").read_text()
    assert "bentoml==" in pinned
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-index", "--dry-run"]
    subprocess.run([*pip, "--no-deps", wheel], cwd=python, check=True, capture_output=True)

"""The company that format 1 stored, and the service on a copy of it."""

import json
import lzma
import shutil
import tarfile
from pathlib import Path

import pytest
from numpy.lib import introspect
from starlette.testclient import TestClient

from rapport.serving.api.service import build
from rapport.serving.environment import Environment

FIXTURE = Path(__file__).parents[2] / "fixtures" / "data_dir_v1"


@pytest.fixture(scope="session")
def expected():
    """What the version of format 1 answered, on a processor whose exp and log end on the same digits as here."""
    known = _read("expected.json.xz")
    [exp] = introspect.opt_func_info(func_name="^exp$", signature="float64")["exp"].values()
    return known | _read("expected_avx2.json.xz") if exp["current"] == "X86_V3" else known


def _read(name):
    return json.loads(lzma.decompress((FIXTURE / name).read_bytes()))


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    with tarfile.open(FIXTURE / "company.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def company(unpacked, tmp_path, monkeypatch):
    """A copy of the company as the current folder, as its commands are run."""
    shutil.copytree(unpacked, tmp_path / "company")
    monkeypatch.chdir(tmp_path / "company")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def ask(unpacked, expected, tmp_path_factory):
    """A service on a copy: ``ask(address, key, status, **body)`` returns the answer."""
    folder = tmp_path_factory.mktemp("served") / "company"
    shutil.copytree(unpacked, folder)
    with pytest.MonkeyPatch.context() as patched:
        # The settings name the playbook as a folder beside them.
        patched.chdir(folder)
        service = build(Environment(data_dir=folder / "data", settings=folder / "rapport.toml"))
    address_of = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000)}
    with TestClient(service.to_asgi(), **address_of) as client:

        def answer(address, key="boss", status=200, **body):
            headers = {"authorization": f"Bearer {expected['secrets'][key]}"}
            response = client.post(f"/v1/{address}", json=body, headers=headers)
            assert response.status_code == status, response.text
            return response.json()

        answer.client = client
        yield answer

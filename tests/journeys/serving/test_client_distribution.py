"""The client: it asks a busy server again, and is a small distribution of its own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from free_ports import free_port

from rapport.serving.client import AsyncRapport, Rapport, RefusedError, Retries
from rapport.serving.environment import Environment
from rapport.serving.run import prepared, running

ROOT = Path(__file__).parents[3]
BUSY = {"error": {"code": "busy", "message": "Busy.", "where": ""}}


class Server:
    """Answers with the given statuses, then with no customer."""

    def __init__(self, *statuses):
        self.statuses, self.waits = list(statuses), []

    def __call__(self, _request):
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            raise httpx.ConnectError("refused")
        headers = {"retry-after": "7"} if status == 429 else {}
        return httpx.Response(status, headers=headers, json=BUSY if status > 200 else {"answers": []})

    def sync_client(self):
        transport = httpx.MockTransport(self)
        return Rapport("", client=httpx.Client(transport=transport, base_url="http://server"), retries=Retries(most=3))


@pytest.fixture
def waits(monkeypatch):
    found = []

    async def wait(seconds):
        found.append(seconds)

    monkeypatch.setattr("rapport.serving.client.sync_client.time.sleep", found.append)
    monkeypatch.setattr("rapport.serving.client.async_client.asyncio.sleep", wait)
    return found


def test_a_busy_or_starting_server_is_asked_again(waits):
    assert Server(429, 503, 0).sync_client().score(["a"]) == []
    assert waits[0] == 7
    assert 0.5 <= waits[1] <= 1.0
    assert 1.0 <= waits[2] <= 2.0


def test_the_async_client_asks_again_too(waits):
    async def answered():
        http = httpx.AsyncClient(transport=httpx.MockTransport(Server(429, 503)), base_url="http://server")
        async with AsyncRapport("", client=http) as rapport:
            return await rapport.score(["a"])

    assert asyncio.run(answered()) == []
    assert len(waits) == 2


def test_the_client_gives_up_and_repeats_no_other_error(waits):
    with pytest.raises(RefusedError) as refused:
        Server(503, 503, 503, 503).sync_client().score(["a"])
    assert (refused.value.status, len(waits)) == (503, 3)
    with pytest.raises(RefusedError):
        Server(500).sync_client().score(["a"])
    assert len(waits) == 3


def test_a_string_in_place_of_ids_is_refused():
    for ask in (Server().sync_client().score, Server().sync_client().bulk):
        with pytest.raises(TypeError, match="not one string"):
            ask("C000001")


def test_the_client_follows_a_bulk_job(open_client, active, tmp_path):
    rapport = Rapport("", client=open_client)
    expected = rapport.score(active[:120], reasons=1)
    assert list(rapport.results(rapport.bulk(active[:120], reasons=1), poll=0.02)) == expected
    path = rapport.download(rapport.bulk(active[:3], form="parquet"), tmp_path / "scores.parquet", poll=0.02)
    assert path.read_bytes()[:4] == b"PAR1"
    cancelled = rapport.bulk(active * 20)
    rapport.cancel(cancelled)
    with pytest.raises(RefusedError, match="cancelled"):
        list(rapport.results(cancelled, poll=0.02))


PROGRAM = """
import sys
from rapport_client import Rapport
assert not [name for name in sys.modules if name.partition(".")[0] in ("rapport", "bentoml", "pydantic", "pyarrow")]
with Rapport(sys.argv[1]) as rapport:
    print(len(list(rapport.results(rapport.bulk(only={}, reasons=0)))))
"""


@pytest.mark.slow
def test_the_wheel_needs_nothing_of_the_server(company, active, tmp_path):
    """Build the wheel, unpack it alone, and score everyone with it over HTTP."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = tmp_path / "wheel"
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", built, ROOT / "client"], check=True
    )
    (wheel,) = built.glob("*.whl")
    assert wheel.stat().st_size < 50_000
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True)
    environment = Environment(data_dir=company.home, port=free_port(), workers=1, keys=False)
    with running(prepared(environment, lambda _: None), os.environ) as (url, _):
        own = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, url], env=own, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == len(active)

"""Bulk jobs: the answers of /v1/score for many customers, for the key that asked, with progress, end and limits."""

import gzip
import io
import json
import time
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from serving_world import bearer, copy_home, error_of, served

from rapport.serving.jobs.bulk.job_store import FOLDER, JobStore
from rapport.serving.privacy.forget import forget
from rapport.serving.security.keys import KeyRing


def finished(client, started, headers=None):
    job = started.json()
    assert started.status_code == 200, started.text
    for _ in range(400):
        job = client.get(job["url"], headers=headers).json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def lines_of(response):
    return [json.loads(line) for line in response.text.splitlines()]


def test_a_job_answers_as_score_does_in_both_forms(open_client, ask, active):
    ids = [*active[:150], "nobody"]
    expected = ask("score", customer_ids=ids, reasons=2)["answers"]
    job = finished(open_client, open_client.post("/v1/bulk", json={"customer_ids": ids, "reasons": 2}))
    assert (job["state"], job["done"], job["total"]) == ("done", 151, 151)
    assert lines_of(open_client.get(job["result"])) == expected
    asked = {"customer_ids": ids, "reasons": 2, "format": "parquet"}
    job = finished(open_client, open_client.post("/v1/bulk", json=asked))
    rows = pq.read_table(io.BytesIO(open_client.get(job["result"]).content)).to_pylist()
    assert [row["probability"] for row in rows] == [one.get("probability") for one in expected]
    assert json.loads(rows[0]["reasons"]) == expected[0]["reasons"]
    assert json.loads(rows[-1]["error"])["where"] == "customer_ids.150"


def test_a_filter_finds_what_the_list_finds(open_client, ask):
    listed = [one["customer_id"] for one in ask("customers", limit=1000, risk_band="high")["customers"]]
    job = finished(open_client, open_client.post("/v1/bulk", json={"filter": {"risk_band": "high"}, "reasons": 0}))
    assert [one["customer_id"] for one in lines_of(open_client.get(job["result"]))] == listed


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({"customer_ids": "C000001"}, 400, "customer_ids"),
        ({}, 400, ""),
        ({"customer_ids": ["a"], "filter": {}}, 400, ""),
        ({"filter": {"tier": "none of ours"}}, 422, "tier"),
        ({"customer_ids": ["a"] * 100_001}, 400, "customer_ids"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_at_once(open_client, body, status, where):
    response = open_client.post("/v1/bulk", json=body)
    assert (response.status_code, error_of(response)["where"]) == (status, where)


def test_a_string_in_place_of_ids_is_refused(open_client):
    response = open_client.post("/v1/score", json={"customer_ids": "C000001"})
    assert error_of(response)["where"] == "customer_ids"


def test_unchanged_answers_are_not_sent_again_and_large_ones_are_compressed(open_client, active):
    job = finished(open_client, open_client.post("/v1/bulk", json={"customer_ids": active[:40]}))
    for address in (job["url"], job["result"], "/openapi.json", "/schema.json"):
        first = open_client.get(address)
        again = open_client.get(address, headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    plain = {"accept-encoding": "identity"}
    body = {"customer_ids": active[:40]}
    small, large = (open_client.post("/v1/score", json=body, headers=headers) for headers in (None, plain))
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < int(large.headers["content-length"]) / 4
    assert small.json() == large.json()
    packed = open_client.get(job["result"])
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == open_client.get(job["result"], headers=plain).text


def test_a_job_belongs_to_its_key_and_shows_its_owners_customers_only(company, tmp_path, active):
    home, now = copy_home(company, tmp_path / "home"), datetime.now(UTC)
    ring = KeyRing(home)
    with served(home, keys=False) as client:
        rows = client.post("/v1/customers", json={"limit": 500}).json()["customers"]
    owner = rows[0]["owner"]
    mine = {row["customer_id"] for row in rows if row["owner"] == owner}
    keys = {name: bearer(ring.add(name, ["score", "read"], now, owner=owner)) for name in ("first", "second")}
    with served(home, keys=True) as client:
        every = client.post("/v1/bulk", json={"filter": {}}, headers=keys["first"])
        job = finished(client, every, keys["first"])
        found = {one["customer_id"] for one in lines_of(client.get(job["result"], headers=keys["first"]))}
        assert found == mine
        foreign = [one for one in active if one not in mine][:3]
        job = finished(
            client, client.post("/v1/bulk", json={"customer_ids": foreign}, headers=keys["first"]), keys["first"]
        )
        answers = lines_of(client.get(job["result"], headers=keys["first"]))
        assert [set(one) for one in answers] == [{"customer_id", "error"}] * 3
        for method, address in (("GET", job["url"]), ("DELETE", job["url"]), ("GET", job["result"])):
            assert client.request(method, address, headers=keys["second"]).status_code == 404
            assert client.request(method, address).status_code == 401
        assert client.post(job["url"], headers=keys["first"]).status_code == 405
        audited = [json.loads(line) for path in (home / "audit").glob("*.jsonl") for line in path.open()]
        assert [one["customer_ids"] for one in audited if one["route"] == "/v1/bulk"][-1] == foreign
    assert any((home / FOLDER).iterdir())
    forget(home, [active[0]], now)
    assert list((home / FOLDER).iterdir()) == []


def test_a_job_can_be_cancelled_ends_with_its_server_and_expires(tmp_path):
    store, now = JobStore(tmp_path), datetime(2026, 11, 1, tzinfo=UTC)
    running = store.create("crm", "churn", "ndjson", now)
    assert store.read(running.job.job, "crm").state == "queued"
    store.cancel(running.job.job, "crm")
    assert running.is_cancelled()
    others = [store.create("crm", "churn", "ndjson", now) for _ in range(3)]
    with pytest.raises(Exception, match="Too many bulk jobs"):
        store.create("crm", "churn", "ndjson", now)
    for one in (running, *others):
        one.release()
    assert store.read(running.job.job, "crm").error.startswith("The server stopped")
    with pytest.raises(Exception, match="no result"):
        store.result(running.job.job, "crm")
    store.remove_expired(now + timedelta(hours=25))
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_cancelled_job_leaves_no_result(open_client, active, company):
    started = open_client.post("/v1/bulk", json={"customer_ids": active * 20})
    assert open_client.delete(started.json()["url"]).status_code == 200
    job = finished(open_client, started)
    assert (job["state"], job["result"]) == ("cancelled", None)
    assert open_client.get(job["url"] + "/result").status_code == 409
    assert [path.name for path in (company.home / FOLDER / job["job"]).glob("*result*")] == []


def test_a_stored_result_is_compressed(open_client, active, company):
    job = finished(open_client, open_client.post("/v1/bulk", json={"customer_ids": active[:3]}))
    stored = company.home / FOLDER / job["job"] / "result.ndjson.gz"
    assert gzip.decompress(stored.read_bytes()).decode() == open_client.get(job["result"]).text
    assert stored.stat().st_mode & 0o077 == 0

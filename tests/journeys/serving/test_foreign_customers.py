"""A viewer sees no field of a customer that is not theirs: every door, every scope, every owner (law 13)."""

import json
import re
import time
from datetime import UTC, datetime

import pytest
from owners_world import DAY, NOBODY, World, served_to_owners
from serving_world import bearer
from test_agents import tool

from rapport.serving.api.agents.server import TOOLS
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.security.roles import SCOPES

ROW = {"occurred_at": "2026-10-01"}
NEW = {"customer": {"customer_id": "new-one", "created_at": "2026-05-01"}}
# Doors that name no customer: what they answer is searched for other owners' customers.
LISTS = {
    "customers": [{"limit": 1000}, {"limit": 1000, "target": "conversion"}],
    "score_history": [{"as_of": DAY, "histories": [NEW]}],
    "changes": [{"since": 0}],
    "deals": [{"limit": 2000}],
    "analytics": [
        {"name": "key_accounts"},
        {"name": "account_plans"},
        {"name": "white_space"},
        {"name": "signals"},
        {"name": "cost_to_serve"},
        {"name": "late_tickets"},
        {"name": "presale_health"},
    ],
    "tasks": [{}, {"limit": 1}],
}
# Doors to what concerns the whole company: closed to a key of some owners, whatever its scopes.
COMPANY = {"effect"}
# Doors that name a customer or a task: another owner's is refused like one that does not exist.
NAMED = {
    "score": lambda one: {"customer_ids": [one], "horizons": ["12mo"]},
    "bulk": lambda one: {"customer_ids": [one]},
    "what_if": lambda one: {"customer_id": one, "changes": {"tickets_open": 0}},
    "change": lambda one: {"customer_id": one, "from": DAY, "to": DAY},
    "customer": lambda one: {"customer_id": one},
    "events": lambda one: {"customer_id": one, "table": "touches", "rows": [ROW]},
    "feedback": lambda one: {"customer_id": one, "verdict": "right"},
    "deals": lambda one: {"customer_id": one},
    "analytics": lambda one: {"name": "signals", "customer_id": one},
    "report": lambda one: {"customer_id": one},
    "tasks/open": lambda one: {"customer_id": one, "title": "Call"},
    "widget": lambda one: {"customer_id": one},
}
OF_TASKS = {
    "tasks/assign": {"owner": "Tom"},
    "tasks/note": {"text": "voicemail"},
    "tasks/snooze": {"until": "2027-12-01"},
    "tasks/step": {"step": 0},
    "tasks/finish": {},
    "tasks/reopen": {},
}

HOW_MANY = pytest.mark.parametrize("owners", [2, pytest.param(None, marks=pytest.mark.slow)])


@pytest.fixture(scope="module")
def world(company, tmp_path_factory):
    return World(company, tmp_path_factory.mktemp("foreign") / "home")


@pytest.fixture(scope="module")
def client(world):
    with served_to_owners(world) as client:
        yield client


def test_the_walk_knows_every_endpoint():
    doors = {endpoint.path.removeprefix("/v1/") for endpoint in ENDPOINTS}
    assert doors == {*LISTS, *NAMED, *OF_TASKS, *COMPANY}, "A new endpoint needs a place in this walk."


def test_each_scope_opens_its_endpoints_only(world, client):
    owner = world.owners[0]
    one = world.own(owner)[0]
    for endpoint in ENDPOINTS:
        door = endpoint.path.removeprefix("/v1/")
        body = NAMED[door](one) if door in NAMED else {"task_id": 10**9, **OF_TASKS[door]} if door in OF_TASKS else {}
        for scope in SCOPES:
            status = client.post(endpoint.path, json=body, headers=world.keys[owner, scope]).status_code
            refused = scope not in (endpoint.scope, "admin") or door in COMPANY
            assert (status == 403) == refused, (door, scope, status)
    assert {client.post(f"/v1/{door}", json={}, headers=world.boss).status_code for door in COMPANY} == {200}


def test_lists_name_no_customer_of_another_owner(world, client):
    for owner in world.owners:
        for door, bodies in LISTS.items():
            for body in bodies:
                response = client.post(f"/v1/{door}", json=body, headers=world.keys[owner, "admin"])
                assert response.status_code == 200, (door, response.text)
                assert world.named_in(owner, response.text) == set(), (door, owner)
        found = client.post("/v1/tasks", json={"limit": 1}, headers=world.keys[owner, "read"]).json()["tasks"]
        assert [world.owner_of[task["customer_id"]] for task in found] == [owner]


@HOW_MANY
def test_another_owners_customer_is_refused_like_one_that_does_not_exist(world, client, owners):
    tasks = client.post("/v1/tasks", json={}, headers=world.boss).json()["tasks"]
    for owner in world.owners[:owners]:
        key = world.keys[owner, "admin"]
        theirs = [one for one, who in world.owner_of.items() if who != owner][:: len(world.owner_of) // 2]
        for door, body in NAMED.items():
            unknown = _answer(client, door, body(NOBODY), key)
            for one in theirs:
                status, text = _answer(client, door, body(one), key)
                assert (status, text.replace(one, NOBODY)) == unknown, (door, owner)
        foreign = next(task["id"] for task in tasks if world.owner_of[task["customer_id"]] != owner)
        for door, body in OF_TASKS.items():
            unknown = _answer(client, door, {"task_id": 10**9, **body}, key)
            assert unknown[0] == 404
            assert _answer(client, door, {"task_id": foreign, **body}, key) == unknown, door


def _answer(client, door, body, key):
    """Return status and text of an answer without what changes with each request; of a job, its result."""
    response = client.post(f"/v1/{door}", json=body, headers=key)
    if door == "bulk":
        job = response.json()
        for _ in range(200):
            job = client.get(job["url"], headers=key).json()
            if job["state"] == "done":
                return 200, client.get(job["result"], headers=key).text
            time.sleep(0.02)
        raise AssertionError(job)
    return response.status_code, re.sub(r'"request_id":"[^"]*"', "", response.text)


@HOW_MANY
def test_own_customers_bring_nobody_elses_along(world, client, owners):
    read = {door: body for door, body in NAMED.items() if door not in ("events", "bulk")}
    for owner in world.owners[:owners]:
        key = world.keys[owner, "admin"]
        for one in world.own(owner)[3::60]:
            for door, body in read.items():
                response = client.post(f"/v1/{door}", json=body(one), headers=key)
                assert response.status_code in (200, 409, 422, 503), (door, response.text)
                assert world.named_in(owner, response.text) == set(), (door, one)
            for name in sorted(set(TOOLS) - {"log_outcome"}):
                result = tool(client, name, key, **_arguments(name, one))
                assert world.named_in(owner, json.dumps(result, ensure_ascii=False)) == set(), (name, one)


def test_tools_refuse_another_owners_customer(world, client):
    for owner in world.owners:
        theirs = next(one for one, who in world.owner_of.items() if who != owner)
        for name in sorted(set(TOOLS) - {"worklist", "deals"}):
            answers = [
                json.dumps(tool(client, name, world.keys[owner, "admin"], **_arguments(name, one))).replace(one, NOBODY)
                for one in (theirs, NOBODY)
            ]
            assert answers[0] == answers[1], name


def _arguments(name, one):
    own = {
        "score": {"customer_ids": [one]},
        "worklist": {"limit": 50},
        "deals": {},
        "change": {"customer_id": one, "start": DAY, "end": DAY},
        "what_if": {"customer_id": one, "changes": {"tickets_open": 0}},
        "log_outcome": {"customer_id": one, "verdict": "right"},
        "check_draft": {"customer_id": one, "text": "The risk is 12 %."},
    }
    return own.get(name, {"customer_id": one})


def test_the_widget_opens_for_the_key_that_asked_until_its_secret_ends(world, client):
    owner = world.owners[0]
    one, now = world.own(owner)[0], datetime.now(UTC)
    secret = world.ring.add("crm", ["read"], now, owner=owner)
    path = client.post("/v1/widget", json={"customer_id": one}, headers=bearer(secret)).json()["path"]
    assert client.get(path).status_code == 200
    world.ring.revoke("crm")
    world.ring.add("crm", ["admin"], now)
    assert client.get(path).status_code == 403


def test_a_job_is_not_read_by_a_key_of_its_name_with_other_owners(world, client):
    first, second = world.owners[:2]
    now = datetime.now(UTC)
    key = bearer(world.ring.add("batch", ["score"], now, owner=first))
    job = client.post("/v1/bulk", json={"customer_ids": world.own(first)[:3]}, headers=key).json()
    assert client.get(job["url"], headers=key).status_code == 200
    world.ring.revoke("batch")
    other = bearer(world.ring.add("batch", ["score"], now, owner=second))
    assert client.get(job["url"], headers=other).status_code == 404

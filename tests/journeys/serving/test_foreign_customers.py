"""A viewer sees no field of a customer that is not theirs: every door, every scope, every owner (law 13)."""

import json
import re
import time
from datetime import UTC, datetime

import pytest
from serving_world import AS_OF, bearer, copy_home, served
from test_agents import tool

from rapport.scoring.alerts import Alert
from rapport.serving.api.agents.server import TOOLS
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.console.routes import ADMIN_FORMS, OWN_FORMS, WORK_FORMS
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.live.change_store import ChangeStore, CustomerState
from rapport.serving.security.keys import KeyRing
from rapport.serving.security.roles import SCOPES
from rapport.serving.snapshots.live_model import load_live_model

NOBODY = "nobody-at-all"
DAY = AS_OF.date().isoformat()
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
    "effect": [{}],
}
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


class World:
    """A data folder with a key for each owner and scope, a task of each owner, and whose each customer is."""

    def __init__(self, company, home):
        self.home, self.ring = copy_home(company, home), KeyRing(home)
        rows = load_live_model(home, "churn").snapshot.customers.select(["owner", "customer_id", "name"]).to_pylist()
        self.owner_of = {row["customer_id"]: row["owner"] for row in rows}
        self.name_of = {row["customer_id"]: row["name"] for row in rows}
        self.owners = sorted({row["owner"] for row in rows if row["owner"]})
        now = datetime.now(UTC)
        self.keys = {
            (owner, scope): bearer(self.ring.add(f"{scope}-{place}", [scope], now, owner=owner))
            for place, owner in enumerate(self.owners)
            for scope in SCOPES
        }
        self.boss = bearer(self.ring.add("boss", ["admin"], now))
        states = [CustomerState(one, DAY, {"owner": who, "probability": 0.5}) for one, who in self.owner_of.items()]
        ChangeStore(home).record("churn", states, cause="run", now=now)

    def own(self, owner):
        """Return the customers of an owner."""
        return [one for one, who in self.owner_of.items() if who == owner]

    def named_in(self, owner, text):
        """Return the ids and names of other owners' customers in a text, however they stand in it."""
        mine = "\n".join(str(self.name_of[one]) for one in self.own(owner))
        ids = {one for one in re.findall(r"C\d{6}", text) if self.owner_of.get(one, owner) != owner}
        names = {name for one, name in self.name_of.items() if name and self.owner_of[one] != owner}
        # A branch carries the name of its parent company.
        return ids | {name for name in names if name in text and name not in mine}


@pytest.fixture(scope="module")
def world(company, tmp_path_factory):
    return World(company, tmp_path_factory.mktemp("foreign") / "home")


@pytest.fixture(scope="module")
def client(world):
    with served(world.home, requests_per_minute=100_000) as client:
        # One task of each owner, and one more with a due day before it.
        for owner in world.owners:
            for one, due in zip(world.own(owner)[:2], (None, "2026-12-01"), strict=True):
                body = {"customer_id": one, "title": "Call", "steps": ["Offer"]} | ({"due": due} if due else {})
                client.post("/v1/tasks/open", json=body, headers=world.boss).raise_for_status()
        yield client


def test_the_walk_knows_every_endpoint():
    doors = {endpoint.path.removeprefix("/v1/") for endpoint in ENDPOINTS}
    assert doors == {*LISTS, *NAMED, *OF_TASKS}, "A new endpoint needs a place in this walk."


def test_each_scope_opens_its_endpoints_only(world, client):
    owner = world.owners[0]
    one = world.own(owner)[0]
    for endpoint in ENDPOINTS:
        door = endpoint.path.removeprefix("/v1/")
        body = NAMED[door](one) if door in NAMED else {"task_id": 10**9, **OF_TASKS[door]} if door in OF_TASKS else {}
        for scope in SCOPES:
            status = client.post(endpoint.path, json=body, headers=world.keys[owner, scope]).status_code
            refused = scope not in (endpoint.scope, "admin")
            assert (status == 403) == refused, (door, scope, status)


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


# Forms of the console: where each is sent, and what it holds about a customer, its task and its alert.
FORMS = {
    "/work/export": lambda one, _task, _alert: ("/work/export", {f"pick.{one}": "on"}),
    "/work": lambda one, _task, _alert: ("/work", {"customer_id": one, "act": "opened"}),
    "/feedback": lambda one, _task, _alert: ("/feedback", {"customer_id": one, "verdict": "done"}),
    "/marks": lambda one, _task, _alert: ("/marks", {"customer_id": one, "verdict": "not_right"}),
    "/work/many": lambda one, _task, _alert: ("/work/many", {f"pick.{one}": "on", "act": "opened"}),
    "/customers/{customer_id:path}": lambda one, _task, _alert: (f"/customers/{one}", {"note": "seen"}),
    "/work/undo": lambda _one, task, _alert: ("/work/undo", {"tasks": str(task)}),
    "/tasks/{task_id:int}": lambda _one, task, _alert: (f"/tasks/{task}", {"act": "reopened"}),
    "/alerts": lambda _one, _task, alert: ("/alerts", {"alert": alert, "act": "muted"}),
}
COMPANY_FORMS = {
    "/views": {"name": "mine", "query": ""},
    "/views/delete": {"view_id": "999999"},
    "/cards/{name}/proposal": {},
    "/alerts/rules": {"act": "nothing"},
    "/alerts/receivers": {"name": "nobody"},
}
NEEDED = dict.fromkeys(OWN_FORMS, "read") | dict.fromkeys(WORK_FORMS, "feedback") | dict.fromkeys(ADMIN_FORMS, "admin")


def _signed_in(client, key):
    """Sign in with a key; return the token of forms."""
    client.cookies.clear()
    token = re.search(r'name="token" value="([^"]+)"', client.get("/sign-in").text).group(1)
    secret = key["authorization"].removeprefix("Bearer ")
    client.post("/sign-in", data={"token": token, "key": secret}, follow_redirects=False)
    return re.search(r'name="token" value="([^"]+)"', client.get("/tasks?whose=all").text).group(1)


def test_the_walk_knows_every_form():
    assert {*FORMS, *COMPANY_FORMS} == set(NEEDED), "A new form needs a place in this walk."


@pytest.mark.parametrize("owners", [1, pytest.param(None, marks=pytest.mark.slow)])
def test_each_form_opens_for_its_scope_and_for_own_customers_only(world, client, owners):
    tasks = client.post("/v1/tasks", json={}, headers=world.boss).json()["tasks"]
    theirs = {
        owner: next(one for one, who in world.owner_of.items() if who not in (owner, None)) for owner in world.owners
    }
    alerts = [
        Alert(f"alert-{one}", one, "any", "cause", 1, AS_OF, "Look", "看", 1.0, seen_once=True)
        for one in set(theirs.values())
    ]
    Outbox(world.home / "alerts.db").put(alerts, ["file"], None, datetime.now(UTC))
    try:
        for place, owner in enumerate(world.owners[:owners]):
            foreign = next(task["id"] for task in tasks if world.owner_of[task["customer_id"]] != owner)
            cases = (theirs[owner], foreign, f"alert-{theirs[owner]}"), (NOBODY, 10**9, "no-alert")
            for scope in SCOPES:
                key = world.ring.add(f"{scope}-form-{place}", ["read", scope], datetime.now(UTC), owner=owner)
                token = {"token": _signed_in(client, bearer(key))}
                for route, form in FORMS.items():
                    answers = [_posted(client, *form(*case), token) for case in cases]
                    allowed = NEEDED[route] in ("read", scope) or scope == "admin"
                    assert {status for status, _ in answers} <= ({404, 422} if allowed else {403}), (route, scope)
                    assert answers[0][1].replace(theirs[owner], NOBODY) == answers[1][1], (route, scope)
                    assert world.named_in(owner, answers[0][1].replace(theirs[owner], "")) == set(), (route, scope)
                for route, form in COMPANY_FORMS.items():
                    status, _ = _posted(client, route, form, token)
                    allowed = NEEDED[route] in ("read", scope) or scope == "admin"
                    assert (status == 403) != allowed, (route, scope)
            for page in ("/tasks?whose=all", "/alerts?show=all", "/deals", "/interventions.csv", "/home", "/sales"):
                assert world.named_in(owner, client.get(page).text) == set(), page
    finally:
        client.cookies.clear()
    assert client.post("/v1/tasks", json={}, headers=world.boss).json()["tasks"] == tasks


def _posted(client, path, form, token):
    """Return status and text of a form's answer, without what differs from page to page."""
    response = client.post(path, data=form | token, follow_redirects=False)
    return response.status_code, re.sub(r'value="[^"]{30,}"|nonce="[^"]+"|back=[^"]*', "", response.text)


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


def test_a_customer_that_changed_hands_leaves_its_former_owners_feed(tmp_path):
    feed = ChangeStore(tmp_path)
    for owner, probability in (("first", 0.5), ("second", 0.9)):
        state = CustomerState("C1", DAY, {"owner": owner, "probability": probability})
        feed.record("churn", [state], cause="run", now=datetime.now(UTC))
    assert feed.since(0, owners=["first"])[0] == []
    assert [one["state"]["probability"] for one in feed.since(0, owners=["second"])[0]] == [0.9]
    assert len(feed.since(0, owners=["first", "second"])[0]) == 2

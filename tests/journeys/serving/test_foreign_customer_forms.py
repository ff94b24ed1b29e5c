"""Each form of the console opens for its scope, and for the customers of the viewer only (law 13)."""

import re
from datetime import UTC, datetime

import pytest
from owners_world import NOBODY, World, served_to_owners
from serving_world import AS_OF, bearer

from rapport.scoring.alerts import Alert
from rapport.serving.console.routes import ADMIN_FORMS, ADMIN_PAGES, ANALYST_PAGES, OWN_FORMS, WORK_FORMS
from rapport.serving.jobs.outbox import Outbox
from rapport.serving.security.roles import SCOPES

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


@pytest.fixture(scope="module")
def world(company, tmp_path_factory):
    return World(company, tmp_path_factory.mktemp("foreign") / "home")


@pytest.fixture(scope="module")
def client(world):
    with served_to_owners(world) as client:
        yield client


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
                    # What concerns the whole company stays closed to a key of one owner, whatever its scope.
                    assert (status == 403) == (route in ADMIN_FORMS), (route, scope)
                for page in (*ADMIN_PAGES, *ANALYST_PAGES):
                    assert client.get(page).status_code == 403, (page, scope)
                assert client.post("/v1/effect", json={}, headers=bearer(key)).status_code == 403, scope
            for page in ("/tasks?whose=all", "/alerts?show=all", "/deals", "/interventions.csv", "/home", "/sales"):
                assert world.named_in(owner, client.get(page).text) == set(), page
    finally:
        client.cookies.clear()
    assert client.post("/v1/tasks", json={}, headers=world.boss).json()["tasks"] == tasks


def test_what_concerns_the_whole_company_opens_for_an_admin_of_everyone(world, client):
    token = {"token": _signed_in(client, world.boss)}
    assert {client.get(page).status_code for page in (*ADMIN_PAGES, *ANALYST_PAGES)} == {200}
    assert {_posted(client, route, COMPANY_FORMS[route], token)[0] for route in ADMIN_FORMS} == {422}
    assert client.post("/v1/effect", json={}, headers=world.boss).status_code == 200
    client.cookies.clear()


def _posted(client, path, form, token):
    """Return status and text of a form's answer, without what differs from page to page."""
    response = client.post(path, data=form | token, follow_redirects=False)
    return response.status_code, re.sub(r'value="[^"]{30,}"|nonce="[^"]+"|back=[^"]*', "", response.text)

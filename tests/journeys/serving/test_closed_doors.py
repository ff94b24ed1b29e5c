"""Doors that must stay closed: other owners' customers, ended sessions, open starts, oversized bodies, paths."""

import csv
import io
import json
import re
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from free_ports import free_port
from serving_world import bearer, error_of, history_body, linked_data_dir, served

from rapport.errors import CardError, ServingError
from rapport.scoring.cards.strict_yaml import parse_yaml
from rapport.serving.environment import Environment
from rapport.serving.errors import is_storage_error
from rapport.serving.run import prepared
from rapport.serving.security.audit import AuditTrail
from rapport.serving.security.keys import KeyRing
from rapport.serving.security.request_context import RequestContext


@pytest.fixture(scope="module")
def owned(company, tmp_path_factory):
    """A data folder, and the customers of one owner whose groups reach into other owners' accounts."""
    home = linked_data_dir(company, tmp_path_factory.mktemp("owned"))
    rows = company.history.connection.execute(
        "SELECT c.owner, c.customer_id, c.name FROM customers c WHERE c.owner IS NOT NULL"
    ).fetchall()
    related = company.history.connection.execute(
        "SELECT a.owner, a.customer_id FROM customers a JOIN customers b ON a.parent_id = b.customer_id "
        "WHERE a.owner <> b.owner"
    ).fetchall()
    owner = related[0][0]
    own = [one for who, one in related if who == owner][:4]
    foreign = {one for who, one, _ in rows if who != owner} | {name for who, _, name in rows if who != owner and name}
    return home, owner, own, foreign - {name for who, _, name in rows if who == owner}


def test_no_field_of_any_answer_names_another_owners_customer(owned, company):
    home, owner, own, foreign = owned
    secret = KeyRing(home).add("theirs", ["admin"], datetime.now(UTC), owner=owner)
    with served(home) as client:
        for path, body in _requests(own, company):
            response = client.post(path, json=body, headers=bearer(secret))
            assert response.status_code == 200, (path, response.text)
            assert not set(_texts(response.json())) & foreign, path
        trees = [
            client.post("/v1/customer", json={"customer_id": one}, headers=bearer(secret)).json()["tree"] for one in own
        ]
        assert all(tree["hidden"] > 0 for tree in trees)
        _sign_in(client, secret)
        pages = ["/", "/worklist.csv", "/portfolio", "/model", "/cards", *(f"/customers/{one}" for one in own)]
        for page in pages:
            response = client.get(page)
            assert response.status_code == 200, page
            words = set(re.split(r"[<>,\"\n]+", response.text))
            assert not {word.strip() for word in words} & foreign, page


def _requests(own, company):
    one = own[0]
    yield "/v1/score", {"customer_ids": own, "reasons": 30}
    yield "/v1/customers", {"limit": 1000}
    yield "/v1/score_history", {"as_of": "2026-11-01", "histories": [history_body(company, one)], "reasons": 30}
    yield "/v1/tasks/open", {"customer_id": one, "target": "churn", "title": "Call"}
    yield "/v1/tasks", {}
    yield "/v1/feedback", {"customer_id": one, "verdict": "done"}
    for customer_id in own:
        yield "/v1/customer", {"customer_id": customer_id}


def _texts(value):
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _sign_in(client, secret):
    token = re.search(r'name="token" value="([^"]+)"', client.get("/sign-in").text).group(1)
    response = client.post("/sign-in", data={"token": token, "key": secret}, follow_redirects=False)
    assert response.status_code == 303, response.text


def test_without_keys_the_server_starts_only_when_they_are_switched_off(company):
    environment = Environment(data_dir=company.home, port=free_port())
    with pytest.raises(ServingError, match="RAPPORT_KEYS=off"):
        prepared(environment, lambda _: None)
    assert prepared(environment.model_copy(update={"keys": False}), lambda _: None).keys is False


def test_a_session_ends_with_its_secret_and_with_the_sign_out(company, tmp_path):
    home = linked_data_dir(company, tmp_path)
    ring = KeyRing(home)
    first = ring.add("ann", ["read"], datetime.now(UTC))
    with served(home) as client:
        _sign_in(client, first)
        assert "sign-out" in client.get("/").text
        ring.revoke("ann")
        second = ring.add("ann", ["admin"], datetime.now(UTC))
        assert 'name="key"' in client.get("/").text
        _sign_in(client, second)
        page = client.get("/").text
        cookie = client.cookies["rapport_session"]
        token = re.search(r'name="token" value="([^"]+)"', page).group(1)
        client.post("/sign-out", data={"token": token}, follow_redirects=False)
        client.cookies.set("rapport_session", cookie)
        assert 'name="key"' in client.get("/").text


def test_an_anonymous_form_is_small_and_a_signed_in_one_is_limited(company, tmp_path):
    home = linked_data_dir(company, tmp_path)
    secret = KeyRing(home).add("ann", ["admin"], datetime.now(UTC))
    with served(home) as client:
        for path in ("/", "/sign-in", "/feedback"):
            assert client.post(path, data={"key": "x" * 9_000}).status_code == 413
        _sign_in(client, secret)
        assert client.post("/feedback", data={"comment": "x" * 9_000}).status_code == 403
        assert client.post("/feedback", data={"comment": "x" * 301_000}).status_code == 413


def test_damaged_keys_are_a_503_and_no_answer_shows_a_path(company, tmp_path):
    home = linked_data_dir(company, tmp_path)
    secret = KeyRing(home).add("ann", ["admin"], datetime.now(UTC))
    with served(home) as client:
        (home / "keys.json").write_text("{")
        response = client.post("/v1/score", json={"customer_ids": ["x"]}, headers=bearer(secret))
        assert (response.status_code, error_of(response)["code"]) == (503, "storage")
        assert str(tmp_path) not in response.text
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "models").mkdir()
    with served(empty, keys=False) as client:
        response = client.get("/readyz")
        assert response.status_code == 503
        assert str(tmp_path) not in response.text


@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_at_the_edge_of_the_calendar_is_refused(ask, company, active, as_of):
    answer = ask("score_history", 400, as_of=as_of, histories=[history_body(company, active[0])])
    assert answer["error"]["where"] == "as_of"


@pytest.mark.parametrize("until", [None, "2020-01-01"])
def test_a_postponement_needs_a_later_day_and_the_console_checks_verdicts(ask, active, until):
    body = {"customer_id": active[0], "verdict": "snoozed"} | ({"until": until} if until else {})
    assert ask("feedback", 422, **body)["error"]["where"] == "until"


def test_the_console_refuses_an_unknown_verdict(open_client, active):
    page = open_client.get(f"/customers/{active[0]}").text
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    form = {"token": token, "customer_id": active[0], "act": "whatever"}
    assert open_client.post("/feedback", data=form).status_code == 422


def test_deep_or_self_referring_yaml_is_refused_quickly():
    for text, says in (
        ("[" * 50_000, "levels deep"),
        ("a: &x [1]\nb: [" + "*x, " * 50 + "]", "aliases"),
        ("{a: " * 50_000, "levels deep"),
    ):
        with pytest.raises(CardError, match=says):
            parse_yaml(text, "card")


def test_damaged_feedback_costs_the_outcomes_only_and_is_shown(company, tmp_path, active):
    home = linked_data_dir(company, tmp_path)
    with served(home, keys=False) as client:
        assert client.post("/v1/feedback", json={"customer_id": active[0], "verdict": "done"}).status_code == 200
        for name in ("feedback.db", "work.db"):
            for path in home.glob(f"{name}*"):
                path.unlink()
            (home / name).write_bytes(b"not a database" * 100)
        card = client.post("/v1/customer", json={"customer_id": active[0]})
        assert (card.status_code, card.json()["feedback"]) == (200, [])
        for path in ("/", f"/customers/{active[0]}"):
            page = client.get(path)
            assert page.status_code == 200, path
            assert "feedback.db" in page.text
        refused = client.post("/v1/feedback", json={"customer_id": active[0], "verdict": "done"})
        assert (refused.status_code, error_of(refused)["code"]) == (503, "storage")


def test_a_folder_that_cannot_be_written_is_not_ready_and_answers_503(company, tmp_path, active, monkeypatch):
    home = linked_data_dir(company, tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    def full_database(*_):
        with closing(sqlite3.connect(":memory:")) as store:
            store.execute("PRAGMA max_page_count = 1")
            store.execute("CREATE TABLE t (x)")

    with pytest.raises(sqlite3.OperationalError) as caught:
        full_database()
    assert is_storage_error(caught.value)
    with served(home, keys=False) as client:
        monkeypatch.setattr(AuditTrail, "add", full)
        monkeypatch.setattr("pathlib.Path.write_bytes", full)
        # On a full disk SQLite opens no file, not even to read it.
        monkeypatch.setattr("rapport.serving.jobs.live_loop.LiveLoop.lag", full_database)
        response = client.post("/v1/score", json={"customer_ids": [active[0]]})
        assert (response.status_code, error_of(response)["code"]) == (503, "storage")
        assert response.headers["retry-after"]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"], ready.json()["live"]) == (503, False, None)
        assert client.get("/metrics").status_code == 200


def test_what_a_server_stores_is_closed_to_others(company, tmp_path, active):
    home = linked_data_dir(company, tmp_path)
    KeyRing(home).add("ann", ["admin"], datetime.now(UTC))
    with served(home, keys=False) as client:
        client.get("/")
        client.post("/v1/feedback", json={"customer_id": active[0], "verdict": "done"})
        client.post("/v1/tasks/open", json={"customer_id": active[0], "target": "churn", "title": "Call"})
    files = [path for path in home.rglob("*") if path.is_file() and path.parent.name != "locks"]
    assert {path.name for path in files} >= {"feedback.db", "work.db", "keys.json", "console.secret"}
    open_to_others = [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
    runs = list(company.home.rglob("*.arrow"))
    assert runs
    assert all(path.stat().st_mode & 0o077 == 0 for path in runs)


def test_the_audit_trail_has_feedback_exports_and_the_client_and_is_kept_by_rule(company, tmp_path, active):
    home = linked_data_dir(company, tmp_path)
    now = datetime.now(UTC)
    trail = AuditTrail(home, keep_days=30)
    trail.add(RequestContext(), ["old"], now - timedelta(days=40))
    trail.add(RequestContext(), ["kept"], now - timedelta(days=20))
    with served(home, keys=False, audit_days=30) as client:
        client.post("/v1/feedback", json={"customer_id": active[0], "verdict": "done"})
        exported = list(csv.DictReader(io.StringIO(client.get("/worklist.csv").text.removeprefix("\ufeff"))))
    lines = [
        json.loads(line) for path in sorted((home / "audit").glob("*.jsonl")) for line in path.read_text().splitlines()
    ]
    by_route = {line["route"]: line for line in lines}
    assert by_route["/v1/feedback"]["customer_ids"] == [active[0]]
    assert by_route["/v1/feedback"]["from"] == "127.0.0.1"
    assert len(by_route["/worklist.csv"]["customer_ids"]) == len(exported) > 0
    assert not any("old" in line["customer_ids"] for line in lines)
    assert any("kept" in line["customer_ids"] for line in lines)


def test_openapi_is_built_once_and_limited(company, tmp_path):
    home = linked_data_dir(company, tmp_path)
    KeyRing(home).add("ann", ["admin"], datetime.now(UTC))
    with served(home, requests_per_minute=3) as client:
        assert [client.get("/openapi.json").status_code for _ in range(4)] == [200, 200, 200, 429]

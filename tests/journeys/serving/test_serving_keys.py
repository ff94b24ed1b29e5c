"""API keys: who is accepted, and what each scope permits."""

from datetime import UTC, datetime, timedelta

import pytest
from serving_world import NOW, bearer, error_of, served

from rapport.errors import ServingError
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.security.keys import KeyRing

PATHS = [endpoint.path for endpoint in ENDPOINTS]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_valid_key_nothing_is_answered(keyed, secrets, path):
    for headers in (
        {},
        bearer("rapport_wrong"),
        {"x-api-key": "wrong"},
        bearer(secrets["old"]),
        {"authorization": "Basic eDp5"},
    ):
        response = keyed.post(path, json={}, headers=headers)
        assert (response.status_code, error_of(response)["code"]) == (401, "no_key")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_a_key_permits_only_its_scopes(keyed, secrets, endpoint):
    for scope in ("read", "score", "feedback"):
        status = keyed.post(endpoint.path, json={}, headers=bearer(secrets[scope])).status_code
        assert (status == 403) == (scope != endpoint.scope)
    assert keyed.post(endpoint.path, json={"no": 1}, headers=bearer(secrets["admin"])).status_code == 400


def test_a_revoked_key_ends_at_once_and_a_rotated_one_when_due(keyed_home, keyed):
    ring, now = KeyRing(keyed_home), datetime.now(UTC)
    first = ring.add("crm", ["score"], now)
    second = ring.rotate("crm", now, until=now + timedelta(hours=1))
    body = {"customer_ids": ["x"]}
    assert [keyed.post("/v1/score", json=body, headers=bearer(one)).status_code for one in (first, second)] == [
        200,
        200,
    ]
    ring.revoke("crm")
    assert [keyed.post("/v1/score", json=body, headers=bearer(one)).status_code for one in (first, second)] == [
        401,
        401,
    ]


def test_secrets_are_stored_nowhere(keyed_home, secrets):
    text = (keyed_home / "keys.json").read_text()
    assert not any(secret in text for secret in secrets.values())
    assert (keyed_home / "keys.json").stat().st_mode & 0o077 == 0


def test_without_keys_only_this_machine_is_answered_under_its_own_name(company, open_client):
    assert open_client.get("/readyz").status_code == 200
    rebound = open_client.get("/readyz", headers={"host": "evil.example:3000"})
    assert error_of(rebound)["code"] == "loopback_only"
    with served(company.home, keys=False) as client:
        client._transport.client = ("10.0.0.7", 50_000)
        assert client.get("/readyz").status_code == 403


def test_keys_cannot_be_off_beyond_loopback(company):
    with served(company.home, keys=False, host="0.0.0.0") as client:
        assert client.post("/v1/score", json={"customer_ids": ["x"]}).status_code == 401


def test_a_reader_with_an_owner_sees_only_its_own_customers(keyed_home, keyed, company):
    owner = company.history.connection.execute(
        "SELECT owner FROM customers WHERE owner IS NOT NULL LIMIT 1"
    ).fetchone()[0]
    secret = KeyRing(keyed_home).add("theirs", ["read", "score"], datetime.now(UTC), owner=owner)
    rows = keyed.post("/v1/customers", json={"limit": 1000}, headers=bearer(secret)).json()["customers"]
    assert {row["owner"] for row in rows} == {owner}
    all_rows = keyed.post("/v1/customers", json={"limit": 1000}, headers=bearer(_admin(keyed_home))).json()["customers"]
    other = next(row["customer_id"] for row in all_rows if row["owner"] != owner)
    [answer] = keyed.post("/v1/score", json={"customer_ids": [other]}, headers=bearer(secret)).json()["answers"]
    assert answer["error"]["code"] == "not_found"
    assert keyed.post("/v1/customer", json={"customer_id": other}, headers=bearer(secret)).status_code == 404


def _admin(keyed_home):
    return KeyRing(keyed_home).add(f"admin-{len(KeyRing(keyed_home).keys())}", ["admin"], datetime.now(UTC))


@pytest.mark.parametrize(
    ("role", "more", "sentence"),
    [
        ("chief", {}, "No such role: chief. Known roles: reader, owner"),
        ("owner", {}, "Name it with --owner"),
        ("manager", {"owner": "Maria Lopez"}, "Name its account owners with --team"),
        ("analyst", {"team": ["Maria Lopez"]}, "sees every customer"),
    ],
)
def test_a_role_needs_the_people_whose_customers_it_sees(tmp_path, role, more, sentence):
    with pytest.raises(ServingError, match=sentence):
        KeyRing(tmp_path).add_person("mei", role, NOW, **more)
    assert KeyRing(tmp_path).keys() == ()


def test_a_key_with_a_role_is_that_of_a_person(tmp_path):
    secret = KeyRing(tmp_path).add_person("mei", "manager", NOW, team=["Maria Lopez"], person="Mei Chen")
    viewer = KeyRing(tmp_path).check(secret, NOW)
    assert (viewer.role, viewer.person, viewer.owners) == ("manager", "Mei Chen", ("Maria Lopez",))
    assert viewer.may("feedback")
    assert not viewer.may("analyze")

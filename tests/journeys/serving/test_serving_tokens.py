"""OIDC tokens: accepted and refused ones, and the rotation of the issuer's keys."""

import base64
import hashlib
import hmac
import json
import re
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_issuer import LocalIssuer
from serving_world import bearer, linked_data_dir, served

from rapport.errors import SettingsError
from rapport.serving.environment import Oidc, as_variables, read_environment
from rapport.serving.security.issuer import IssuerKeys

BODY = {"customer_ids": ["nobody"]}


@pytest.fixture(scope="module")
def issuer():
    made = LocalIssuer()
    for kid, algorithm in (("rsa", "RS256"), ("pss", "PS256"), ("curve", "ES256"), ("edwards", "EdDSA")):
        made.add(kid, algorithm)
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def home(company, tmp_path_factory):
    return linked_data_dir(company, tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def client(home, issuer):
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as opened:
        _wait_for_keys(opened)
        yield opened


def _wait_for_keys(client):
    """Wait until the keys are fetched in the background."""
    for _ in range(100):
        if "tokens" in (said := client.get("/readyz").json()) and _status(client, "a.b.c") != 503:
            return
        threading.Event().wait(0.05)
    pytest.fail(f"the keys of the issuer did not come: {said}")


def _ask(client, token, path="/v1/score", body=BODY):
    return client.post(path, json=body, headers=bearer(token))


def _status(client, token):
    return _ask(client, token).status_code


@pytest.mark.parametrize("kid", ["rsa", "pss", "curve", "edwards"])
def test_a_token_permits_its_scopes(client, issuer, kid):
    assert _status(client, issuer.token(kid)) == 200
    assert _status(client, issuer.token(kid, scope="openid rapport.score")) == 200
    assert _status(client, issuer.token(kid, scope="rapport:admin")) == 200
    for other in ("rapport:read", "score", "rapport:scores", "", None, {"rapport:score": 1}):
        refused = _ask(client, issuer.token(kid, scope=other))
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wrong_scope")


# Times are seconds from the moment of the request.
WRONG = {
    "expired": ({"exp": -120}, "expired"),
    "not yet": ({"nbf": 600}, "not valid yet"),
    "made in the future": ({"iat": 600}, "not valid yet"),
    "another audience": ({"aud": "billing"}, "another audience"),
    "another issuer": ({"iss": "https://evil.example"}, "another issuer"),
    "no audience": ({"aud": None}, "lacks a claim"),
    "no end": ({"exp": None}, "lacks a claim"),
    "nobody": ({"sub": None}, "lacks a claim"),
    "another kind": ({"header": {"typ": "logout+jwt"}}, "not one that the issuer signed"),
    "an unknown extension": ({"header": {"crit": ["b64", "x"], "x": 1, "b64": True}}, "not one that the issuer signed"),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case)
def test_an_invalid_token_is_refused_with_the_reason(client, issuer, case):
    changes, says = WRONG[case]
    changes = {name: time.time() + value if isinstance(value, int) else value for name, value in changes.items()}
    refused = _ask(client, issuer.token("rsa", **changes))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "no_key")
    assert says in refused.json()["error"]["message"]
    assert refused.headers["www-authenticate"] == "Bearer"


def test_clocks_may_differ_by_a_minute(client, issuer):
    now = time.time()
    assert _status(client, issuer.token("rsa", exp=now - 30)) == 200
    assert _status(client, issuer.token("rsa", iat=now + 30, nbf=now + 30)) == 200


def _part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _forged(issuer, kid, algorithm, sign):
    claims = issuer.token(kid).split(".")[1]
    signed = f"{_part({'alg': algorithm, 'kid': kid, 'typ': 'JWT'})}.{claims}"
    return f"{signed}.{base64.urlsafe_b64encode(sign(signed.encode())).rstrip(b'=').decode()}"


def test_forged_signatures_are_refused(client, issuer):
    public = issuer.keys["rsa"][0].public_key()
    forms = (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
    pems = [public.public_bytes(serialization.Encoding.PEM, form) for form in forms]
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = [
        _forged(issuer, "rsa", "none", lambda _: b""),
        _forged(issuer, "rsa", "None", lambda _: b""),
        *(
            _forged(issuer, "rsa", "HS256", lambda text, pem=pem: hmac.digest(pem, text, hashlib.sha256))
            for pem in pems
        ),
        issuer.token("rsa", key=own),
        # The key's own algorithm counts, not what a token says.
        issuer.token("rsa", algorithm="PS256"),
        issuer.token("rsa", header={"kid": "curve"}),
        issuer.token("rsa", header={"jwk": issuer.jwk("rsa"), "kid": "mine"}, key=own),
        issuer.token("rsa")[:-6] + "AAAAAA",
        f"{issuer.token('rsa')}{'A' * 9_000}",
        "..",
        "a.b.c",
        "é.é.é",
    ]
    assert [_status(client, token.encode("latin-1").decode("latin-1")) for token in forged[:-1]] == [401] * 12
    headers = {"authorization": b"Bearer " + forged[-1].encode("latin-1")}
    assert client.post("/v1/score", json=BODY, headers=headers).status_code == 401


def test_a_new_key_is_fetched_once_and_a_withdrawn_one_ends(home):
    issuer = LocalIssuer()
    issuer.add("first")
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as client:
        _wait_for_keys(client)
        old = issuer.token("first")
        assert _status(client, old) == 200
        issuer.add("second", "ES256")
        issuer.published.remove("first")
        _allow_refresh(client)
        assert _status(client, issuer.token("second")) == 200
        assert _status(client, old) == 401
        asked = issuer.fetches
        assert {_status(client, issuer.token("second", header={"kid": f"made-up-{one}"})) for one in range(20)} == {401}
        assert issuer.fetches <= asked + 1


def test_a_key_without_algorithm_verifies_every_algorithm_of_its_kind(home):
    issuer = LocalIssuer()
    issuer.add("plain")
    issuer.key_changes["plain"] = {"alg": None, "use": None}
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as client:
        _wait_for_keys(client)
        for algorithm in ("RS256", "RS512", "PS256"):
            assert _status(client, issuer.token("plain", algorithm=algorithm)) == 200
        assert _status(client, issuer.token("plain", header={"kid": None})) == 200
        issuer.add("second")
        _allow_refresh(client)
        assert _status(client, issuer.token("second")) == 200
        # Which of the two keys signed is a guess now.
        assert _status(client, issuer.token("plain", header={"kid": None})) == 401


def test_keys_that_do_not_sign_are_not_trusted(home):
    issuer = LocalIssuer()
    for kid in ("good", "encrypts", "symmetric"):
        issuer.add(kid)
    issuer.key_changes["encrypts"] = {"use": "enc"}
    issuer.key_changes["symmetric"] = {
        "kty": "oct",
        "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA",
        "alg": "HS256",
    }
    shared = b"secret-secret-secret-secret-secret"
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as client:
        _wait_for_keys(client)
        assert _status(client, issuer.token("good")) == 200
        assert _status(client, issuer.token("encrypts")) == 401
        assert _status(client, issuer.token("symmetric", key=shared, algorithm="HS256")) == 401
        issuer.published.remove("good")
        _allow_refresh(client)
        app_state_of(client).tokens.issuer.refresh_now()
        assert "no RSA, EC or Ed25519 signing key" in client.get("/readyz").json()["tokens"]["refused"]
        assert _status(client, issuer.token("good")) == 200


def _allow_refresh(client):
    """Pretend that the last refresh was a minute ago."""
    app_state_of(client).tokens.issuer._tried -= 60


def app_state_of(client):
    """Return the app state behind a client."""
    app = client.app
    return next(one.kwargs["app_state"] for one in app.user_middleware if "app_state" in one.kwargs)


def test_known_keys_are_valid_for_a_day_while_the_issuer_is_down(home):
    issuer = LocalIssuer()
    issuer.add("first")
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as client:
        _wait_for_keys(client)
        issuer.down = True
        _allow_refresh(client)
        held = app_state_of(client).tokens.issuer
        held.refresh_now()
        assert "status 503" in client.get("/readyz").json()["tokens"]["refused"]
        assert _status(client, issuer.token("first")) == 200
        held.jwk_set_cache.jwk_set_with_timestamp.timestamp -= 86_400
        late = _ask(client, issuer.token("first"))
        assert (late.status_code, late.json()["error"]["code"]) == (503, "not_ready")
        issuer.down = False
        _allow_refresh(client)
        held.refresh_now()
        assert _status(client, issuer.token("first")) == 200


def test_nested_claims_name_scopes_and_owner(home, issuer, company):
    owner = company.history.connection.execute("SELECT min(owner) FROM customers").fetchone()[0]
    oidc = Oidc(issuer=issuer.url, audience="rapport", claim="realm_access.roles", owner_claim="crm_owner")
    with served(home, oidc=oidc) as client:
        _wait_for_keys(client)
        roles = {"scope": None, "realm_access": {"roles": ["rapport:read", "other"]}}
        page = _ask(client, issuer.token("rsa", crm_owner=owner, **roles), "/v1/customers", {"limit": 1000}).json()
        assert {row["owner"] for row in page["customers"]} == {owner}
        assert "crm_owner" in _ask(client, issuer.token("rsa", **roles), "/v1/customers", {}).json()["error"]["message"]
        admin = issuer.token("rsa", realm_access={"roles": ["rapport:admin"]})
        everyone = _ask(client, admin, "/v1/customers", {"limit": 1000}).json()["customers"]
        assert len({row["owner"] for row in everyone}) > 1


def test_the_audit_trail_names_the_subject_of_the_token(client, issuer, home):
    _status(client, issuer.token("rsa", sub="ada"))
    last = max((home / "audit").glob("*.jsonl")).read_text().splitlines()[-1]
    assert json.loads(last)["by"] == "oidc:ada"


def test_a_token_of_a_proxy_opens_the_console(client, issuer):
    reader = bearer(issuer.token("rsa", scope="rapport:read"))
    assert client.get("/", headers=reader).status_code == 200
    assert client.get("/", headers=bearer("a.b.c")).status_code == 401
    # Not a token of ours: the console's own door asks.
    assert 'name="key"' in client.get("/", headers={"authorization": "Basic eDp5"}).text
    assert client.get("/", headers=bearer(issuer.token("rsa"))).status_code == 403


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"RAPPORT_OIDC_ISSUER": "https://id.example"}, "RAPPORT_OIDC_AUDIENCE"),
        ({"RAPPORT_OIDC_ISSUER": "http://id.example", "RAPPORT_OIDC_AUDIENCE": "rapport"}, "https://"),
        ({"RAPPORT_OIDC_ISSUER": "id.example", "RAPPORT_OIDC_AUDIENCE": "rapport"}, "https://"),
    ],
)
def test_an_untrustworthy_issuer_is_refused_at_the_start(changes, says):
    with pytest.raises(SettingsError, match=says):
        read_environment(changes)


def test_the_variables_of_an_issuer_read_back_the_same():
    given = {"RAPPORT_OIDC_ISSUER": "https://id.example", "RAPPORT_OIDC_AUDIENCE": "rapport", "RAPPORT_OIDC_CLAIM": "a"}
    environment = read_environment(given)
    assert environment.oidc == Oidc(issuer="https://id.example", audience="rapport", claim="a")
    assert read_environment(as_variables(environment)).oidc == environment.oidc


def test_an_issuer_with_another_name_is_refused(issuer):
    elsewhere = IssuerKeys(f"{issuer.url}/")
    elsewhere.refresh_now()
    assert elsewhere.trusted() is None
    assert "set RAPPORT_OIDC_ISSUER to exactly that" in elsewhere.refusal


def test_an_agent_finds_who_issues_tokens_for_it_and_a_token_for_another_audience_is_refused(home, issuer):
    audience = "https://rapport.example/mcp"
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    with served(home, oidc=Oidc(issuer=issuer.url, audience=audience)) as client:
        _wait_for_keys(client)
        refused = client.post("/mcp", json=message)
        where = re.fullmatch(
            r'Bearer resource_metadata="https://rapport\.example([^"]+)"', refused.headers["www-authenticate"]
        )
        assert refused.status_code == 401
        for path in (where[1], "/.well-known/oauth-protected-resource"):
            about = client.get(path).json()
            assert (about["resource"], about["authorization_servers"]) == (audience, [issuer.url])
        assert {"rapport:read", "rapport:score"} <= set(about["scopes_supported"])
        headers = {"accept": "application/json, text/event-stream"}
        for meant, status in ((audience, 200), ("rapport", 401), ("https://rapport.example", 401)):
            token = issuer.token("rsa", aud=meant, scope="rapport:read")
            assert client.post("/mcp", json=message, headers=bearer(token) | headers).status_code == status
        assert client.post("/v1/score", json=BODY).headers["www-authenticate"] == "Bearer"
    with served(home, oidc=Oidc(issuer=issuer.url, audience="rapport")) as client:
        # An audience that is no address names no resource.
        assert client.get("/.well-known/oauth-protected-resource").status_code == 404

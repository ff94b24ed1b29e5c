"""A local OIDC issuer: it publishes keys, signs tokens, signs people in, rotates its keys, and can be down."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

MADE = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class LocalIssuer:
    """Signs any token; ``fetches`` counts how often its keys were fetched, ``key_changes`` alter what it publishes."""

    def __init__(self):
        self.keys, self.published, self.fetches, self.down = {}, [], 0, False
        self.codes, self.secret, self.key_changes = {}, None, {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, kid, algorithm="RS256"):
        self.keys[kid] = (MADE[algorithm](), algorithm)
        self.published.append(kid)

    def jwk(self, kid):
        key, algorithm = self.keys[kid]
        made = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
        found = made | {"kid": kid, "use": "sig", "alg": algorithm} | self.key_changes.get(kid, {})
        return {name: value for name, value in found.items() if value is not None}

    def token(self, kid, *, header=None, key=None, algorithm=None, **claims):
        now = time.time()
        said = {"iss": self.url, "aud": "rapport", "sub": "crm", "iat": now, "exp": now + 300, "scope": "rapport:score"}
        held, usual = self.keys[kid]
        body = {name: value for name, value in (said | claims).items() if value is not None}
        headers = {"kid": kid} | (header or {})
        return jwt.encode(body, key or held, algorithm or usual, {name: one for name, one in headers.items() if one})

    def sign_in(self, address, **claims):
        """Do what a person does on the issuer's page at ``address``; return the address to which it sends back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = base64.urlsafe_b64encode(hashlib.sha256(asked["state"].encode()).digest()).decode()
        self.codes[code] = (asked, claims)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"

    def exchange(self, form, authorization):
        """Return the ID token of a code, which is given away once and to the one who knows the verifier."""
        asked, claims = self.codes.pop(form["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        same = (form["client_id"], form["redirect_uri"]) == (asked["client_id"], asked["redirect_uri"])
        client = base64.b64encode(f"{asked['client_id']}:{self.secret}".encode()).decode()
        if not same or challenge.decode() != asked["code_challenge"]:
            raise KeyError("not the one who asked")
        if self.secret and authorization != f"Basic {client}":
            raise KeyError("not this client")
        given = {"aud": asked["client_id"], "sub": "mei", "nonce": asked["nonce"], "scope": None} | claims
        return {"id_token": self.token(claims.pop("kid", self.published[0]), **given)}

    def _handler(issuer):  # noqa: N805  # the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                pages = {
                    "/.well-known/openid-configuration": {
                        "issuer": issuer.url,
                        "jwks_uri": f"{issuer.url}/keys",
                        "authorization_endpoint": f"{issuer.url}/authorize",
                        "token_endpoint": f"{issuer.url}/token",
                        "end_session_endpoint": f"{issuer.url}/leave",
                    },
                    "/keys": {"keys": [issuer.jwk(kid) for kid in issuer.published]},
                }
                issuer.fetches += self.path == "/keys"
                self.send_response(503 if issuer.down else 200)
                self.end_headers()
                self.wfile.write(json.dumps(pages[self.path]).encode())

            def do_POST(self):
                form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                try:
                    status, answer = 200, issuer.exchange(form, self.headers.get("authorization"))
                except KeyError:
                    status, answer = 400, {"error": "invalid_grant"}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_):
                """Say nothing."""

        return Handler

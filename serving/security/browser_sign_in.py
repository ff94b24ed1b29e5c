"""Sign-in of people at the company's OIDC issuer: authorization code with PKCE, state and nonce."""

from __future__ import annotations

import base64
import hashlib
import secrets
import urllib.request
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from rapport.errors import ServingError
from rapport.integrity import same_secret
from rapport.serving.environment import Oidc
from rapport.serving.errors import RequestError, message
from rapport.serving.security.issuer import IssuerKeys, fetch_json
from rapport.serving.security.keys import Viewer
from rapport.serving.security.tokens import TokenVerifier, UnknownKeyError

_SCOPES = "openid profile email"


class BrowserSignIn:
    """One client of one issuer. What a sign-in must remember is kept by the browser, signed."""

    def __init__(self, oidc: Oidc, issuer: IssuerKeys) -> None:
        assert oidc.client_id
        assert oidc.redirect_url
        self._client, self._redirect, self._secret = oidc.client_id, oidc.redirect_url, oidc.client_secret
        self._issuer = issuer
        # An ID token is made for the client; an access token, for the audience of the API, signs nobody in.
        self._tokens = TokenVerifier(oidc.model_copy(update={"audience": oidc.client_id}), issuer)
        self.mark = hashlib.sha256(f"{oidc.issuer}\n{oidc.client_id}\n{oidc.claim}".encode()).hexdigest()[:24]

    def begin(self) -> tuple[str, dict[str, str]]:
        """Return the issuer's address at which a person signs in, and what to remember until the person is back."""
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code", "client_id": self._client, "redirect_uri": self._redirect, "scope": _SCOPES,
            "state": kept["state"], "nonce": kept["nonce"], "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self._endpoint('authorization_endpoint')}?{urlencode(asked)}", kept

    def finish(self, answer: Mapping[str, str], kept: Mapping[str, str]) -> Viewer:
        """Return the person whom the issuer sent back; RequestError with a sentence for any other answer."""
        if not kept or not same_secret(answer.get("state", ""), kept["state"]):
            raise RequestError(400, message("sign_in_not_begun"), where="state")
        if answer.get("iss", self._issuer.url) != self._issuer.url or not answer.get("code"):
            raise RequestError(401, message("sign_in_refused"), where="code")
        try:
            viewer = self._person(self._id_token(answer["code"], kept["verifier"]), kept["nonce"])
        except RequestError:
            raise
        except ServingError as error:
            raise RequestError(401, message("sign_in_failed", reason=str(error)), where="code") from error
        if not viewer.scopes:
            raise RequestError(403, message("sign_in_without_role"), where="claim")
        return viewer

    def leave(self) -> str:
        """Return the issuer's address at which a person ends the session there; empty if it has none."""
        where = self._issuer.endpoint("end_session_endpoint")
        return f"{where}?{urlencode({'client_id': self._client})}" if where else ""

    def _person(self, token: str, nonce: str) -> Viewer:
        try:
            return self._tokens.person(token, nonce)
        except UnknownKeyError:
            self._issuer.refresh_now()
            return self._tokens.person(token, nonce)

    def _id_token(self, code: str, verifier: str) -> str:
        """Exchange the code, which the issuer gives away once and to this client only."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect,
                "client_id": self._client, "code_verifier": verifier}  # fmt: skip
        request = urllib.request.Request(self._endpoint("token_endpoint"), urlencode(form).encode())
        if self._secret:
            pair = f"{quote(self._client, safe='')}:{quote(self._secret, safe='')}"
            request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
        return str(fetch_json(request).get("id_token", ""))

    def _endpoint(self, name: str) -> str:
        if not self._issuer.endpoint(name):
            self._issuer.refresh_now()
        if not (where := self._issuer.endpoint(name)):
            reason = self._issuer.refusal or f"{self._issuer.url}: publishes no {name}."
            raise RequestError(503, message("sign_in_failed", reason=reason))
        return where

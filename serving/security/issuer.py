"""Public keys of the company's OIDC issuer: refreshed in the background, cached while the issuer is down."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import cast

from jwt import PyJWK, PyJWKClient, PyJWKSet
from jwt.algorithms import AllowedPublicKeys
from jwt.exceptions import PyJWKSetError
from jwt.jwk_set_cache import JWKSetCache

from rapport.errors import ServingError
from rapport.serving.environment import is_private
from rapport.serving.outbound_http import NoAnswerError, send

_FETCH_SECONDS = 5.0
_MAX_BYTES = 512_000
_FRESH_SECONDS = 600.0
# An unknown key id may be a new key of the issuer or invented: it causes a refresh, but not at every request.
_MIN_REFRESH_SECONDS = 10.0
# After this time, the issuer may have withdrawn a key without our knowledge.
_MAX_AGE_SECONDS = 86_400.0
_ASYMMETRIC = ("RSA", "EC", "OKP")
VerifyingKey = PyJWK | AllowedPublicKeys


class SigningKeys(PyJWKSet):
    """The keys of a published set that sign: RSA, EC and Ed25519; PyJWKSetError if there is none."""

    def __init__(self, published: object) -> None:
        # A published symmetric key is no secret, and a key for encryption does not sign: neither is accepted.
        signing = [key for key in published if _signs(key)] if isinstance(published, list) else []
        super().__init__(signing)
        self._without_algorithm = {key.get("kid") for key in signing if not key.get("alg")}

    def verifying(self, kid: object) -> VerifyingKey | None:
        """Return the key of an id, bound to the algorithm that the issuer declares, if it declares one.

        A token without a key id is accepted only if the issuer has one key: trying several invites mistakes.
        """
        found = [key for key in self.keys if kid is None or key.key_id == kid]
        if len(found) != 1:
            return None
        return found[0].key if found[0].key_id in self._without_algorithm else found[0]


class IssuerKeys(PyJWKClient):
    """PyJWT's client of one issuer's published keys, which are kept for a day and fetched in the background.

    Safe to read from any thread while another fetches.
    """

    jwk_set_cache: JWKSetCache

    def __init__(self, url: str) -> None:
        super().__init__(f"{url.rstrip('/')}/.well-known/openid-configuration", lifespan=_MAX_AGE_SECONDS)
        self.url, self.refusal = url, ""
        self._about: Mapping[str, object] = {}
        self._tried = -_MAX_AGE_SECONDS
        self._fetching = threading.Lock()

    def trusted(self) -> SigningKeys | None:
        """Return the keys that are trusted now: none if they are more than a day old. Nothing is fetched."""
        return cast("SigningKeys | None", self.jwk_set_cache.get())

    def endpoint(self, name: str) -> str:
        """Return an address that the issuer publishes, such as ``token_endpoint``; empty if it publishes none."""
        where = self._about.get(name)
        return where if isinstance(where, str) and is_private(where) else ""

    def refresh_if_due(self, now: float) -> None:
        """Fetch the keys if they are due; a failure keeps the old ones and sets ``refusal``."""
        if now - self._tried >= (_MIN_REFRESH_SECONDS if self.refusal else _FRESH_SECONDS):
            self._refresh()

    def refresh_now(self) -> None:
        """Fetch the keys because one is missing, at most every ten seconds; waits for a fetch in progress."""
        with self._fetching:
            recent = time.monotonic() - self._tried < _MIN_REFRESH_SECONDS
        if not recent:
            self._refresh()

    def fetch_data(self) -> SigningKeys:
        """Return the keys that the issuer's own metadata names; ServingError with the reason if it has none."""
        about = fetch_json(urllib.request.Request(self.uri))
        if about.get("issuer") != self.url:
            raise ServingError(
                f"{self.url}: names itself the issuer {about.get('issuer')!r}; set RAPPORT_OIDC_ISSUER to exactly that."
            )
        where = str(about.get("jwks_uri"))
        if not is_private(where):
            raise ServingError(f"{self.url}: its jwks_uri {where!r} does not begin with https://.")
        try:
            keys = SigningKeys(fetch_json(urllib.request.Request(where)).get("keys"))
        except PyJWKSetError as error:
            raise ServingError(f"{self.url}: publishes no RSA, EC or Ed25519 signing key.") from error
        self._about = about
        return keys

    def _refresh(self) -> None:
        with self._fetching:
            try:
                self.get_jwk_set(refresh=True)
                self.refusal = ""
            except ServingError as error:
                self.refusal = str(error)
            self._tried = time.monotonic()


def _signs(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in _ASYMMETRIC and key.get("use", "sig") == "sig"


def fetch_json(request: urllib.request.Request) -> dict[str, object]:
    """Return the JSON object that the issuer answers; ServingError with the reason for any other answer."""
    url = request.full_url
    try:
        found = json.loads(send(request, _FETCH_SECONDS, _MAX_BYTES))
    except NoAnswerError as error:
        why = getattr(error.reason, "reason", error.reason)
        text = f"status {error.status}" if error.status else f"cannot be reached ({why})"
        raise ServingError(f"{url}: {text}.") from error
    except ValueError as error:
        raise ServingError(f"{url}: did not answer with JSON.") from error
    if not isinstance(found, dict):
        raise ServingError(f"{url}: did not answer with a JSON object.")
    return found

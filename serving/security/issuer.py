"""Public keys of the company's OIDC issuer: refreshed in the background, cached while the issuer is down."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

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
Jwk = Mapping[str, Any]


class IssuerKeys:
    """One issuer's published keys; safe to read from any thread while another fetches."""

    def __init__(self, url: str) -> None:
        self.url, self.refusal = url, ""
        self._keys: tuple[Jwk, ...] = ()
        self._about: Mapping[str, object] = {}
        self._fetched, self._tried = -_MAX_AGE_SECONDS, -_MAX_AGE_SECONDS
        self._fetching = threading.Lock()

    def keys(self, now: float) -> tuple[Jwk, ...]:
        """Return the keys that are trusted at ``now`` (monotonic seconds): none if they are more than a day old."""
        return self._keys if now - self._fetched < _MAX_AGE_SECONDS else ()

    def endpoint(self, name: str) -> str:
        """Return an address that the issuer publishes, such as ``token_endpoint``; empty if it publishes none."""
        where = self._about.get(name)
        return where if isinstance(where, str) and is_private(where) else ""

    def refresh_if_due(self, now: float) -> None:
        """Fetch the keys if they are due; a failure keeps the old ones and sets ``refusal``."""
        if now - self._tried >= (_MIN_REFRESH_SECONDS if self.refusal else _FRESH_SECONDS):
            self._fetch()

    def refresh_now(self) -> None:
        """Fetch the keys because one is missing, at most every ten seconds; waits for a fetch in progress."""
        with self._fetching:
            recent = time.monotonic() - self._tried < _MIN_REFRESH_SECONDS
        if not recent:
            self._fetch()

    def _fetch(self) -> None:
        with self._fetching:
            try:
                self._keys, self._about = _published(self.url)
                self._fetched, self.refusal = time.monotonic(), ""
            except ServingError as error:
                self.refusal = str(error)
            self._tried = time.monotonic()


def _published(url: str) -> tuple[tuple[Jwk, ...], Mapping[str, object]]:
    about = _json(f"{url.rstrip('/')}/.well-known/openid-configuration")
    if about.get("issuer") != url:
        raise ServingError(
            f"{url}: names itself the issuer {about.get('issuer')!r}; set RAPPORT_OIDC_ISSUER to exactly that."
        )
    where = str(about.get("jwks_uri"))
    if not is_private(where):
        raise ServingError(f"{url}: its jwks_uri {where!r} does not begin with https://.")
    found = _json(where).get("keys")
    # A published symmetric key is no secret, and a key for encryption does not sign: neither is accepted.
    keys = [key for key in found if _signs(key)] if isinstance(found, list) else []
    if not keys:
        raise ServingError(f"{url}: publishes no RSA, EC or Ed25519 signing key.")
    return tuple(keys), about


def _signs(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in _ASYMMETRIC and key.get("use", "sig") == "sig"


def _json(url: str) -> dict[str, object]:
    return fetch_json(urllib.request.Request(url))


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

"""Authentication and rate limits: API keys, OIDC tokens, loopback access."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from rapport.serving.environment import LOOPBACK, Environment
from rapport.serving.errors import RequestError
from rapport.serving.security.keys import LOCAL, KeyRing, Viewer
from rapport.serving.security.limits import RateLimiter
from rapport.serving.security.tokens import TokenError, TokenVerifier, UnknownKeyError, is_token

Headers = Mapping[str, str]
_NO_KEY = "Send a valid key: Authorization: Bearer <key>."


class Authenticator:
    """Identifies callers; raises RequestError for those that it refuses."""

    def __init__(self, environment: Environment, keys: KeyRing, tokens: TokenVerifier | None) -> None:
        self._keys, self._tokens = keys, tokens
        self._keys_disabled = not environment.keys and environment.on_loopback
        folder: Path | None = environment.metrics_folder
        # In the metrics folder, which all workers of one server share and no other server sees.
        self._rate = RateLimiter(environment.requests_per_minute, folder / "rates.bin" if folder else None)
        self._refresh_limiter: anyio.CapacityLimiter | None = None

    def check_origin(self, client: str, headers: Headers) -> None:
        """Without keys, accept only this machine under its own name: a web page could use its reader's browser."""
        if not self._keys_disabled:
            return
        host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if client not in LOOPBACK or host not in LOOPBACK:
            raise RequestError(
                403, "Keys are disabled, so only requests from this machine are accepted.", code="loopback_only"
            )

    async def authenticate(self, client: str, headers: Headers, scope: str) -> Viewer:
        """Return the caller, who must hold ``scope``."""
        if self._keys_disabled:
            return LOCAL
        viewer = await self._bearer(client, headers)
        if not viewer.may(scope):
            raise RequestError(403, f"This key does not have the scope {scope!r}. Use a key that has it.")
        return viewer

    async def identify(self, client: str, headers: Headers) -> Viewer:
        """Return the caller, whatever its scopes are."""
        return LOCAL if self._keys_disabled else await self._bearer(client, headers)

    async def authenticate_page(self, client: str, headers: Headers) -> Viewer | None:
        """Return the viewer of a console page whom a proxy authenticated with a token; None without a token.

        Other schemes belong to the proxy: many forward the name and password of the person who signed in.
        """
        if self._keys_disabled or not headers.get("authorization", "").lower().startswith("bearer "):
            return None
        return await self._bearer(client, headers)

    def limit_rate(self, caller: str) -> None:
        """Take one request from the caller's budget of this minute."""
        if wait := self._rate.wait(caller, time.monotonic()):
            raise RequestError(429, "Too many requests in this minute. Retry later.", code="rate", retry_after=wait)

    async def _bearer(self, client: str, headers: Headers) -> Viewer:
        """Return the owner of the key or token that the request carries."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        secret = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        try:
            if self._tokens is not None and is_token(secret):
                return await self._verify_token(self._tokens, secret)
        except TokenError as error:
            raise self._refusal(client, str(error)) from None
        viewer = self._keys.check(secret, datetime.now(UTC)) if secret else None
        if viewer is None:
            raise self._refusal(client, _NO_KEY)
        return viewer

    def _refusal(self, client: str, message: str) -> RequestError:
        # Callers that guess keys are limited by address; a valid key never reaches this limit.
        self.limit_rate(f"refused {client}")
        return RequestError(401, message)

    async def _verify_token(self, tokens: TokenVerifier, token: str) -> Viewer:
        try:
            return tokens.viewer(token, datetime.now(UTC))
        except UnknownKeyError:
            # The issuer may have rotated its keys. One request fetches them; the others wait for that result.
            self._refresh_limiter = self._refresh_limiter or anyio.CapacityLimiter(1)
            await anyio.to_thread.run_sync(tokens.issuer.refresh_now, limiter=self._refresh_limiter)
            return tokens.viewer(token, datetime.now(UTC))

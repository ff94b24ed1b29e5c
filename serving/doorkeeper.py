"""The doorkeeper: who may come in, by key or by token, from where, and how often."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
from rapport.serving.environment import LOOPBACK, Environment
from rapport.serving.keys import LOCAL, KeyRing, Viewer
from rapport.serving.limits import Rate
from rapport.serving.problem import RequestError
from rapport.serving.tokens import TokenError, Tokens, UnknownKeyError, is_token

Headers = Mapping[str, str]
_NO_KEY = "Send a valid key: Authorization: Bearer <key>."


class Doorkeeper:
    """Checks callers; what it refuses is a RequestError."""

    def __init__(self, environment: Environment, keys: KeyRing, tokens: Tokens | None) -> None:
        self._keys, self._tokens, self._open = keys, tokens, not environment.keys and environment.on_loopback
        folder: Path | None = environment.metrics_folder
        # Beside the metrics, which is a folder that all workers of one server share and no other server sees.
        self._rate = Rate(environment.requests_per_minute, folder / "rates.bin" if folder else None)
        self._asking_issuer: anyio.CapacityLimiter | None = None

    def check_reach(self, client: str, headers: Headers) -> None:
        """Without keys, answer only this machine, and only under its own name: a web page could ask for its reader."""
        if not self._open:
            return
        host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if client not in LOOPBACK or host not in LOOPBACK:
            raise RequestError(403, "Keys are switched off, so only this machine is answered.", code="loopback_only")

    async def viewer(self, client: str, headers: Headers, needed: str) -> Viewer:
        """Return who asks, holding the scope ``needed``."""
        if self._open:
            return LOCAL
        viewer = await self._bearer(client, headers)
        if not viewer.may(needed):
            raise RequestError(403, f"This key does not hold the scope {needed!r}; ask for one that does.")
        return viewer

    async def signed_in(self, client: str, headers: Headers) -> Viewer | None:
        """Return who signed in at a proxy before the console, which says so by a token; None when none came.

        Other schemes are the proxy's own business: many pass on the name and password that they asked for.
        """
        if self._open or not headers.get("authorization", "").lower().startswith("bearer "):
            return None
        return await self._bearer(client, headers)

    async def _bearer(self, client: str, headers: Headers) -> Viewer:
        """Return whose key or token came with the request."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        secret = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        try:
            if self._tokens is not None and is_token(secret):
                return await self._of_token(self._tokens, secret)
        except TokenError as error:
            raise self._refusal(client, str(error)) from None
        viewer = self._keys.check(secret, datetime.now(UTC)) if secret else None
        if viewer is None:
            raise self._refusal(client, _NO_KEY)
        return viewer

    def slow_down(self, caller: str) -> None:
        """Take one request from the caller's share of this minute."""
        if wait := self._rate.wait(caller, time.monotonic()):
            raise RequestError(429, "Too many requests in this minute; slow down.", code="rate", retry_after=wait)

    def _refusal(self, client: str, sentence: str) -> RequestError:
        # Whoever tries keys is slowed down by address; a right key is never asked this.
        self.slow_down(f"refused {client}")
        return RequestError(401, sentence)

    async def _of_token(self, tokens: Tokens, token: str) -> Viewer:
        try:
            return tokens.viewer(token, datetime.now(UTC))
        except UnknownKeyError:
            # The issuer may have changed its keys since. One at a time asks it; the others wait for that answer.
            self._asking_issuer = self._asking_issuer or anyio.CapacityLimiter(1)
            await anyio.to_thread.run_sync(tokens.issuer.look_again, limiter=self._asking_issuer)
            return tokens.viewer(token, datetime.now(UTC))

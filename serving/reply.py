"""What goes back to the caller: our headers on everything, our shape on every refusal."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from serving.problem import reshaped

Message = MutableMapping[str, Any]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# They name the product and version behind us, which helps nobody but an attacker.
_DROPPED = {"server", "x-bentoml-request-id", "x-bentoml-trace-id"}


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the caller's request id when it is harmless, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class Reply:
    """One answer on its way out."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], request_id: str, path: str, *, secure: bool) -> None:
        self.request_id, self.status, self.started = request_id, 0, False
        self.extra: dict[str, str] = {}
        self._send, self._api, self._secure = send, path.startswith("/v1/"), secure
        self._held: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Pass a message of the inner application on; hold back the body of an API refusal to reshape it."""
        if message["type"] == "http.response.start":
            if self._api and message["status"] >= 400:
                self._held = message
                return
            await self._start(message["status"], message["headers"])
        elif self._held is not None:
            self._parts.append(message.get("body", b""))
            return
        if message["type"] != "http.response.start":
            await self._send(message)

    async def finish(self) -> None:
        """Send the refusal that was held back."""
        if self._held is not None:
            held, self._held = self._held, None
            await self.refuse(held["status"], reshaped(held["status"], b"".join(self._parts)))

    async def refuse(self, status: int, body: Mapping[str, Any], *, retry_after: float = 0.0) -> None:
        """Send a refusal, unless an answer is already on its way."""
        if self.started:
            return
        if retry_after or status in (429, 503):
            self.extra["retry-after"] = str(max(1, math.ceil(retry_after)))
        if status == 401:
            self.extra["www-authenticate"] = "Bearer"
        await self.send_page(status, json.dumps(body, ensure_ascii=False).encode(), "application/json")

    async def send_page(self, status: int, body: bytes, content_type: str) -> None:
        """Send a whole body."""
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status, self.started = status, True
        kept = [(name, value) for name, value in headers if name.decode("latin-1").lower() not in _DROPPED]
        present = {name.decode("latin-1").lower() for name, _ in kept}
        ours = {**_ALWAYS, **self.extra, "x-request-id": self.request_id}
        ours.setdefault("content-security-policy", "default-src 'none'" if self._api else _CONTENT_POLICY)
        ours.setdefault("cache-control", "no-store")
        if self._secure:
            ours["strict-transport-security"] = "max-age=31536000"
        kept += [(name.encode(), value.encode()) for name, value in ours.items() if name not in present]
        await self._send({"type": "http.response.start", "status": status, "headers": kept})

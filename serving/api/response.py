"""HTTP responses: security headers on everything, one shape for every error."""

from __future__ import annotations

import gzip
import json
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import anyio.to_thread

from rapport.serving.security import content_policy

Message = MutableMapping[str, Any]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
JSON = "application/json"
# Below this a body is sent as it is: compressing one customer's answer takes longer than sending it.
_GZIP_BYTES, _GZIP_LEVEL, _IN_THREAD_BYTES = 16_384, 4, 131_072
# What has an ETag may be stored by its reader, who asks whether it changed.
_REVALIDATE = "private, no-cache"
# They name the server software and its version, which helps only an attacker.
_DROPPED = {b"server", b"x-bentoml-request-id", b"x-bentoml-trace-id"}


def _fixed_headers(*, api: bool, secure: bool) -> list[tuple[bytes, bytes]]:
    headers = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "content-security-policy": content_policy.API if api else content_policy.PAGE,
        "cache-control": "no-store",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


_HEADERS = {(api, secure): _fixed_headers(api=api, secure=secure) for api in (True, False) for secure in (True, False)}


class ResponseWriter:
    """Writes one response."""

    def __init__(
        self,
        send: Callable[[Message], Awaitable[None]],
        request_headers: Mapping[str, str],
        *,
        api: bool,
        secure: bool,
    ) -> None:
        requested = request_headers.get("x-request-id", "")
        # The caller's own id, if it is well-formed.
        self.request_id = requested if _REQUEST_ID.fullmatch(requested) else secrets.token_hex(16)
        self.status, self.started = 0, False
        self._accepted = request_headers.get("accept-encoding", "")
        self._known_tags = request_headers.get("if-none-match", "")
        self.extra: dict[str, str] = {}
        self.caller, self.challenge = "", "Bearer"
        self._send, self._headers = send, _HEADERS[api, secure]

    @property
    def accepts_gzip(self) -> bool:
        """Whether the caller can read a compressed body."""
        parts = [part.strip().split(";") for part in self._accepted.split(",")]
        return any(part[0] == "gzip" and "q=0" not in part[1:] for part in parts)

    async def send(self, message: Message) -> None:
        """Forward a message of the console, with our headers."""
        if message["type"] == "http.response.start":
            await self._start(
                message["status"], [pair for pair in message["headers"] if pair[0].lower() not in _DROPPED]
            )
        else:
            await self._send(message)

    async def send_error(self, status: int, body: Mapping[str, object], *, retry_after: float = 0.0) -> None:
        """Send an error, unless a response has already started."""
        if self.started:
            return
        if retry_after or status in (429, 503):
            self.extra["retry-after"] = str(max(1, math.ceil(retry_after)))
        if status == 401:
            self.extra["www-authenticate"] = self.challenge
        await self.send_body(status, json.dumps(body, ensure_ascii=False).encode(), JSON)

    async def send_body(self, status: int, body: bytes, content_type: str) -> None:
        """Send a complete body, compressed if it is large and the caller can read that."""
        if len(body) >= _GZIP_BYTES:
            self.extra["vary"] = "accept-encoding"
            if self.accepts_gzip:
                self.extra["content-encoding"] = "gzip"
                body = await _compressed(body)
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def send_tagged(self, body: bytes, content_type: str, digest: str) -> None:
        """Send a body with its ETag, or 304 if the caller has it."""
        if self._is_known(digest):
            await self._start(304, [])
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self.send_body(200, body, content_type)

    async def send_stream(self, pieces: Iterator[bytes], content_type: str, digest: str, *, gzipped: bool) -> None:
        """Send a long body piece by piece, or 304 if the caller has it."""
        if self._is_known(digest):
            await self.send_tagged(b"", content_type, digest)
            return
        self.extra["vary"] = "accept-encoding"
        if gzipped:
            self.extra["content-encoding"] = "gzip"
        await self._start(200, [(b"content-type", content_type.encode())])
        while piece := await anyio.to_thread.run_sync(next, pieces, b""):
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    def _is_known(self, digest: str) -> bool:
        """Announce the ETag; return whether the caller has that version."""
        # Weak, because the bytes differ by their encoding.
        self.extra |= {"etag": f'W/"{digest[:32]}"', "cache-control": _REVALIDATE}
        return digest[:32] in self._known_tags or self._known_tags.strip() == "*"

    async def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status, self.started = status, True
        fields = [*headers, (b"x-request-id", self.request_id.encode())]
        fields += [(name.encode(), value.encode()) for name, value in self.extra.items()]
        present = {name.lower() for name, _ in fields}
        fields += [pair for pair in self._headers if pair[0] not in present]
        await self._send({"type": "http.response.start", "status": status, "headers": fields})


async def _compressed(body: bytes) -> bytes:
    def compress() -> bytes:
        return gzip.compress(body, _GZIP_LEVEL, mtime=0)

    return compress() if len(body) < _IN_THREAD_BYTES else await anyio.to_thread.run_sync(compress)

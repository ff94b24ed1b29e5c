"""The edge of the service: who may come in, how much, how long; and one shape for every refusal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from serving import journal
from serving.asked import Asked, set_asked
from serving.endpoints import BY_PATH, route_label
from serving.environment import LOOPBACK
from serving.keys import LOCAL, Viewer
from serving.limits import InFlight, Rate
from serving.office import Office
from serving.problem import RequestError, of_error
from serving.reply import Reply, request_id_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_UPLOAD_SECONDS = 10.0
# BentoML's own pages describe its shapes, not ours, and load scripts from outside.
_HIDDEN = ("/healthz", "/schema.json", "/docs.json", "/static_content", "/assets")
logger = logging.getLogger("rapport.edge")


class Edge:
    """ASGI middleware that stands before BentoML and the console."""

    def __init__(self, app: App, office: Office) -> None:
        self._app, self._office = app, office
        environment = office.environment
        self._places = InFlight(environment.in_flight)
        # Each worker sees its share of the requests, so it grants its share of the rate.
        self._rate = Rate(max(1.0, environment.requests_per_minute / environment.workers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass anything else through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = _headers(scope)
        reply = Reply(send, request_id_of(headers), scope["path"], secure=self._office.environment.secure_cookies)
        journal.REQUEST_ID.set(reply.request_id)
        try:
            await self._answer(scope, receive, reply, headers)
        except RequestError as refusal:
            await reply.refuse(*of_error(refusal), retry_after=refusal.retry_after)
        except TimeoutError:
            await reply.refuse(
                *of_error(RequestError(504, "The answer took too long and was given up; ask for less at once."))
            )
        except Exception:  # the outermost boundary: nothing may leave without our shape
            logger.exception("unhandled")
            await reply.refuse(
                *of_error(RequestError(500, "Something went wrong on our side; the log has the request id."))
            )
        self._count(scope, reply, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, reply: Reply, headers: dict[str, str]) -> None:
        path = scope["path"]
        self._check_reach(scope, headers)
        if path.startswith(_HIDDEN):
            raise RequestError(404, "There is nothing at this address; see /openapi.json.")
        if page := self._office.pages.get(path):
            _check_method(scope, reply, ("GET", "HEAD"))
            if path == "/metrics":
                self._check_key(headers, "read")
            await reply.send_page(*page())
            return
        asked = self._admit(scope, reply, headers)
        body = await _body(receive, headers, self._office.environment.body_bytes)
        await self._inside(scope, body, reply, asked)

    def _admit(self, scope: Scope, reply: Reply, headers: dict[str, str]) -> Asked:
        path = scope["path"]
        viewer, caller = LOCAL, f"from {_client(scope)}"
        if path.startswith("/v1/"):
            endpoint = BY_PATH.get(path)
            if endpoint is None:
                raise RequestError(404, "There is nothing at this address; see /openapi.json.")
            _check_method(scope, reply, ("POST",))
            viewer = self._check_key(headers, endpoint.scope)
            caller = viewer.name
            _check_json(headers)
        if wait := self._rate.wait(caller, time.monotonic()):
            raise RequestError(429, "Too many requests in this minute; slow down.", code="rate", retry_after=wait)
        deadline = time.monotonic() + self._office.environment.timeout_seconds
        return Asked(viewer, reply.request_id, path, headers.get("idempotency-key", "")[:200], deadline)

    async def _inside(self, scope: Scope, body: bytes, reply: Reply, asked: Asked) -> None:
        # The console is not held back here: its pages are what a person looks at while the API is busy.
        counted = asked.route.startswith("/v1/")
        if counted and not self._places.enter():
            raise RequestError(429, "Busy; try again in a moment.", retry_after=1.0)
        self._office.gauges.in_flight.inc()
        set_asked(asked)
        try:
            async with asyncio.timeout(self._office.environment.timeout_seconds):
                await self._app(scope, _replay(body), reply.send)
                await reply.finish()
        finally:
            self._office.gauges.in_flight.dec()
            if counted:
                self._places.leave()

    def _check_reach(self, scope: Scope, headers: dict[str, str]) -> None:
        """Without keys, answer only this machine, and only under its own name: a web page could ask for its reader."""
        if not self._office.open:
            return
        host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
        if _client(scope) not in LOOPBACK or host not in LOOPBACK:
            raise RequestError(403, "Keys are switched off, so only this machine is answered.", code="loopback_only")

    def _check_key(self, headers: dict[str, str], needed: str) -> Viewer:
        if self._office.open:
            return LOCAL
        scheme, _, token = headers.get("authorization", "").partition(" ")
        secret = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        viewer = self._office.keys.check(secret, datetime.now(UTC)) if secret else None
        if viewer is None:
            raise RequestError(401, "Send a valid key: Authorization: Bearer <key>.")
        if not viewer.may(needed):
            raise RequestError(403, f"This key does not hold the scope {needed!r}; ask for one that does.")
        return viewer

    def _count(self, scope: Scope, reply: Reply, seconds: float) -> None:
        route = route_label(scope["path"])
        self._office.gauges.requests.labels(route, str(reply.status)).inc()
        self._office.gauges.seconds.labels(route).observe(seconds)
        if reply.status >= 500 or route.startswith("/v1/"):
            journal.note("answered", route=route, status=reply.status, ms=round(seconds * 1000, 1))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _client(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _check_method(scope: Scope, reply: Reply, allowed: tuple[str, ...]) -> None:
    if scope["method"] not in allowed:
        reply.extra["allow"] = ", ".join(allowed)
        raise RequestError(405, f"This address takes {' and '.join(allowed)}; see /openapi.json.")


def _check_json(headers: dict[str, str]) -> None:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "Send JSON: Content-Type: application/json.")


async def _body(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    """Read the whole body before anything else is held for it; a slow sender holds only itself."""
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > limit:
        raise RequestError(413, f"The body may have at most {limit:,} bytes; send fewer customers at once.")
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(_UPLOAD_SECONDS):
            while more:
                message = await receive()
                more = message.get("more_body", False) and message["type"] == "http.request"
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise RequestError(413, f"The body may have at most {limit:,} bytes; send fewer customers at once.")
    except TimeoutError as error:
        raise RequestError(408, "The body came too slowly; send it again.") from error
    return b"".join(parts)


def _replay(body: bytes) -> Receive:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if left:
            return left.pop()
        # Nothing more will come; waiting for ever is what a client that stays connected looks like.
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive

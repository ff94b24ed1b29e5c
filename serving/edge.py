"""The edge of the service: what comes in, how much, how long; and one shape for every answer and refusal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rapport.serving import journal
from rapport.serving.asked import VIEWER, Asked, set_asked
from rapport.serving.endpoints import BY_PATH, Endpoint, route_label
from rapport.serving.keys import LOCAL
from rapport.serving.limits import InFlight
from rapport.serving.office import Office
from rapport.serving.problem import RequestError, of_error
from rapport.serving.reply import JSON, Reply, request_id_of

from rapport.errors import RapportError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[str, str]

_UPLOAD_SECONDS = 10.0
# BentoML's own pages describe its shapes, not ours, and load scripts from outside.
_HIDDEN = ("/healthz", "/schema.json", "/docs.json", "/static_content", "/assets")
_NOTHING = "There is nothing at this address; see /openapi.json."
_TOO_LARGE = "The body may have at most {limit:,} bytes; send fewer customers at once."
logger = logging.getLogger("rapport.edge")


class Edge:
    """ASGI middleware that answers the API itself and stands before the console."""

    def __init__(self, app: App, office: Office) -> None:
        self._app, self._office, self._door = app, office, office.doorkeeper
        self._limits = office.environment
        self._places = InFlight(self._limits.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass anything else through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, headers = time.perf_counter(), _headers(scope)
        api = scope["path"].startswith("/v1/")
        reply = Reply(send, request_id_of(headers), api=api, secure=self._limits.secure_cookies)
        journal.REQUEST_ID.set(reply.request_id)
        try:
            self._door.check_reach(_client(scope), headers)
            await (self._api if api else self._page)(scope, receive, reply, headers)
        except RapportError as refusal:
            await reply.refuse(*of_error(refusal), retry_after=getattr(refusal, "retry_after", 0.0))
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

    async def _api(self, scope: Scope, receive: Receive, reply: Reply, headers: Headers) -> None:
        endpoint = BY_PATH.get(scope["path"])
        if endpoint is None:
            raise RequestError(404, _NOTHING)
        _check_method(scope, reply, ("POST",))
        viewer = await self._door.viewer(_client(scope), headers, endpoint.scope)
        _check_json(headers)
        self._door.slow_down(viewer.name)
        deadline = time.monotonic() + self._limits.timeout_seconds
        key = headers.get("idempotency-key", "")[:200]
        asked = Asked(viewer, reply.request_id, endpoint.path, key, deadline)
        body = await _body(receive, headers, self._limits.body_bytes)
        await reply.send_whole(200, await self._answer(endpoint, body, asked), JSON)

    async def _answer(self, endpoint: Endpoint, body: bytes, asked: Asked) -> bytes:
        if not self._places.enter():
            raise RequestError(429, "Busy; try again in a moment.", retry_after=1.0)
        set_asked(asked)
        self._office.gauges.in_flight.inc()
        try:
            return await self._office.counter.answer(endpoint, body, asked)
        finally:
            self._office.gauges.in_flight.dec()
            self._places.leave()

    async def _page(self, scope: Scope, receive: Receive, reply: Reply, headers: Headers) -> None:
        path = scope["path"]
        if path.startswith(_HIDDEN):
            raise RequestError(404, _NOTHING)
        if page := self._office.pages.get(path):
            _check_method(scope, reply, ("GET", "HEAD"))
            if path == "/metrics":
                await self._door.viewer(_client(scope), headers, "read")
            await reply.send_whole(*page())
            return
        await self._console(scope, receive, reply, headers)

    async def _console(self, scope: Scope, receive: Receive, reply: Reply, headers: Headers) -> None:
        """Pass a page of the console on; it is not held back: people look at it while the API is busy."""
        if viewer := await self._door.signed_in(_client(scope), headers):
            scope[VIEWER] = viewer
        self._door.slow_down(f"from {_client(scope)}")
        body = await _body(receive, headers, self._limits.body_bytes)
        set_asked(Asked(LOCAL, reply.request_id, scope["path"]))
        async with asyncio.timeout(self._limits.timeout_seconds):
            await self._app(scope, _replay(body), reply.send)

    def _count(self, scope: Scope, reply: Reply, seconds: float) -> None:
        route = route_label(scope["path"])
        self._office.gauges.replied(route, reply.status, seconds)
        if reply.status >= 500 or route.startswith("/v1/"):
            journal.note("answered", route=route, status=reply.status, ms=round(seconds * 1000, 1))


def _headers(scope: Scope) -> Headers:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _client(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _check_method(scope: Scope, reply: Reply, allowed: tuple[str, ...]) -> None:
    if scope["method"] not in allowed:
        reply.extra["allow"] = ", ".join(allowed)
        raise RequestError(405, f"This address takes {' and '.join(allowed)}; see /openapi.json.")


def _check_json(headers: Headers) -> None:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "Send JSON: Content-Type: application/json.")
    # A small packed body can be an endless one.
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "Send the body as it is, without Content-Encoding.")


async def _body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Read the whole body before anything else is held for it; a slow sender holds only itself."""
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > limit:
        raise RequestError(413, _TOO_LARGE.format(limit=limit))
    parts, size, more = [], 0, True
    try:
        async with asyncio.timeout(_UPLOAD_SECONDS):
            while more:
                message = await receive()
                more = message.get("more_body", False) and message["type"] == "http.request"
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise RequestError(413, _TOO_LARGE.format(limit=limit))
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

"""The outermost layer of the service: authentication, limits, timeouts, and one shape for every error."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request

from rapport.errors import RapportError
from rapport.serving import logging_setup
from rapport.serving.api.app_state import AppState
from rapport.serving.api.bulk_endpoint import BULK, JOBS
from rapport.serving.api.endpoint import IDEMPOTENCY_KEY_LENGTH
from rapport.serving.api.endpoints import AGENTS, BY_PATH, route_label
from rapport.serving.api.job_routes import METHODS, answer_job
from rapport.serving.api.response import JSON, ResponseWriter
from rapport.serving.errors import STORAGE, RequestError, StoreError, error_response, is_storage_error
from rapport.serving.security.keys import LOCAL
from rapport.serving.security.limits import UPLOAD_BYTES, UPLOAD_PATH
from rapport.serving.security.request_context import CURRENT, VIEWER, RequestContext

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[str, str]

_UPLOAD_SECONDS = 10.0
# A form of a signed-in person; before that, a key is all that is sent.
_FORM_BYTES, _ANONYMOUS_BYTES = 300_000, 8_000
# BentoML's own pages describe its shapes, not ours, and load scripts from other hosts.
_HIDDEN = ("/healthz", "/docs.json", "/static_content", "/assets")
_NO_AGENTS = "The agent interface is not installed: pip install 'rapport-crm[mcp]'."
_NOT_FOUND = "There is nothing at this address; see /openapi.json."
_LONG_KEY = f"An Idempotency-Key may have at most {IDEMPOTENCY_KEY_LENGTH} characters. Send a shorter one."
_TOO_LARGE = "The body may have at most {limit:,} bytes. Send fewer customers at once."
logger = logging.getLogger("rapport.middleware")


class ApiMiddleware:
    """ASGI middleware that answers the API itself and guards the console."""

    def __init__(self, app: App, app_state: AppState) -> None:
        self._app, self._state, self._auth = app, app_state, app_state.auth
        self._limits = app_state.environment
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; pass anything else through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, headers, path, client = time.perf_counter(), _headers(scope), scope["path"], _client(scope)
        route = path if path in BY_PATH else route_label(path)
        is_api = path.startswith("/v1/")
        response = ResponseWriter(send, headers, api=is_api, secure=self._limits.secure_cookies)
        if self._state.drain.draining:
            response.extra["connection"] = "close"
        logging_setup.REQUEST_ID.set(response.request_id)
        traces = self._state.traces
        span = traces.start(scope["method"], route, headers) if traces else None
        try:
            self._auth.check_origin(client, headers)
            await (self._api if is_api else self._page)(scope, receive, response, headers)
        except RapportError as error:
            await response.send_error(*error_response(error), retry_after=getattr(error, "retry_after", 0.0))
        except TimeoutError:
            timeout = RequestError(504, "The request took too long and was stopped. Request less at once.")
            await response.send_error(*error_response(timeout))
        except Exception as error:  # the outermost boundary: every error leaves in our shape
            logger.exception("unhandled")
            await response.send_error(*error_response(_of_ours(error)))
        self._observe(route, response, time.perf_counter() - started, client)
        if traces and span:
            traces.end(span, response.status, response.request_id)

    async def _api(self, scope: Scope, receive: Receive, response: ResponseWriter, headers: Headers) -> None:
        if scope["path"].startswith(JOBS):
            await self._job(scope, response, headers)
            return
        endpoint = BY_PATH.get(scope["path"])
        if endpoint is None:
            raise RequestError(404, _NOT_FOUND)
        _check_method(scope, response, ("POST",))
        client = _client(scope)
        viewer = await self._auth.authenticate(client, headers, endpoint.scope)
        _check_json(headers)
        self._auth.limit_rate(viewer.name)
        deadline = time.monotonic() + self._limits.timeout_seconds
        key = _idempotency_key(headers) if "idempotency-key" in headers else ""
        context = RequestContext(viewer, response.request_id, endpoint.path, key, deadline, client)
        response.caller = viewer.name
        body = await _body(receive, headers, self._limits.body_bytes)
        if self._in_flight >= self._limits.in_flight:
            raise RequestError(429, "The server is busy. Retry in a moment.", retry_after=1.0)
        CURRENT.set(context)
        self._in_flight += 1
        self._state.metrics.in_flight.inc()
        try:
            answer = await self._state.dispatcher.answer(endpoint, body, context)
        finally:
            self._state.metrics.in_flight.dec()
            self._in_flight -= 1
        await response.send_body(200, answer, JSON)

    async def _job(self, scope: Scope, response: ResponseWriter, headers: Headers) -> None:
        """Answer about a bulk job; only the key that started it is told."""
        _check_method(scope, response, METHODS)
        viewer = await self._auth.authenticate(_client(scope), headers, BULK.scope)
        self._auth.limit_rate(viewer.name)
        response.caller = viewer.name
        await answer_job(self._state.jobs, scope["method"], scope["path"], viewer, response)

    async def _page(self, scope: Scope, receive: Receive, response: ResponseWriter, headers: Headers) -> None:
        path = scope["path"]
        if path == AGENTS:
            await self._agents(scope, receive, response, headers)
            return
        if path.startswith(_HIDDEN):
            raise RequestError(404, _NOT_FOUND)
        if page := self._state.pages.get(path):
            _check_method(scope, response, ("GET", "HEAD"))
            if path == "/metrics":
                await self._auth.authenticate(_client(scope), headers, "read")
            elif path in ("/openapi.json", "/schema.json"):
                self._auth.limit_rate(f"from {_client(scope)}")
                _, body, content_type = page()
                await response.send_tagged(body, content_type, hashlib.sha256(body).hexdigest())
                return
            await response.send_body(*page())
            return
        await self._console(scope, receive, response, headers)

    async def _agents(self, scope: Scope, receive: Receive, response: ResponseWriter, headers: Headers) -> None:
        """Pass a message of an agent on; each tool checks the scope that its endpoint needs."""
        if self._state.agents is None:
            raise RequestError(404, _NO_AGENTS)
        if self._state.resource is not None:
            response.challenge = self._state.resource.challenge
        _check_method(scope, response, ("POST",))
        viewer = await self._auth.identify(_client(scope), headers)
        _check_json(headers)
        self._auth.limit_rate(viewer.name)
        response.caller = viewer.name
        body = await _body(receive, headers, min(_FORM_BYTES, self._limits.body_bytes))
        deadline = time.monotonic() + self._limits.timeout_seconds
        CURRENT.set(RequestContext(viewer, response.request_id, AGENTS, "", deadline, _client(scope)))
        async with asyncio.timeout(self._limits.timeout_seconds):
            await self._state.agents(scope, _replay(body), response.send)

    async def _console(self, scope: Scope, receive: Receive, response: ResponseWriter, headers: Headers) -> None:
        """Pass a console page on; the concurrency limit does not apply: people read pages while the API is busy."""
        if viewer := await self._auth.authenticate_page(_client(scope), headers):
            scope[VIEWER] = viewer
        self._auth.limit_rate(f"from {_client(scope)}")
        limit = min(_FORM_BYTES if viewer or self._is_signed_in(scope) else _ANONYMOUS_BYTES, self._limits.body_bytes)
        if limit > _ANONYMOUS_BYTES and scope["path"] == UPLOAD_PATH:
            limit = UPLOAD_BYTES
        body = await _body(receive, headers, limit)
        CURRENT.set(RequestContext(LOCAL, response.request_id, scope["path"], client=_client(scope)))
        async with asyncio.timeout(self._limits.timeout_seconds):
            await self._app(scope, _replay(body), response.send)

    def _is_signed_in(self, scope: Scope) -> bool:
        return self._state.keys_disabled or self._state.signed_in(Request(scope).cookies) is not None

    def _observe(self, route: str, response: ResponseWriter, seconds: float, client: str) -> None:
        self._state.metrics.observe_request(route, response.status, seconds)
        if response.status >= 500 or route.startswith("/v1/"):
            logging_setup.log_event(
                "answered",
                route=route,
                status=response.status,
                ms=round(seconds * 1000, 1),
                by=response.caller or None,
                client=client or None,
            )


def _of_ours(error: Exception) -> RapportError:
    """Return the error that a caller sees in place of one that nobody expected."""
    if is_storage_error(error):
        return StoreError(STORAGE)
    return RequestError(500, "Internal error. The server's log has the details under this request id.")


def _headers(scope: Scope) -> Headers:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _client(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _check_method(scope: Scope, response: ResponseWriter, allowed: tuple[str, ...]) -> None:
    if scope["method"] not in allowed:
        response.extra["allow"] = ", ".join(allowed)
        raise RequestError(405, f"This address accepts {' and '.join(allowed)}; see /openapi.json.")


def _idempotency_key(headers: Headers) -> str:
    # A key that were cut short could be another request's.
    if len(key := headers["idempotency-key"]) > IDEMPOTENCY_KEY_LENGTH:
        raise RequestError(400, _LONG_KEY, where="Idempotency-Key")
    return key


def _check_json(headers: Headers) -> None:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise RequestError(415, "Send JSON: Content-Type: application/json.")
    # A small compressed body can expand without end.
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "Send the body uncompressed, without Content-Encoding.")


async def _body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Read the whole body before reserving anything for it; a slow sender blocks only itself."""
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
        raise RequestError(408, "The body arrived too slowly. Send it again.") from error
    return b"".join(parts)


def _replay(body: bytes) -> Receive:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if left:
            return left.pop()
        # Nothing follows the body; waiting forever is how a connected client looks to the console.
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive

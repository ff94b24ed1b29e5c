"""Dispatch of one request: validate the body, call the handler, encode the answer as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
from pydantic import BaseModel, ValidationError

from rapport.serving.api.endpoints import Endpoint
from rapport.serving.api.handlers import Handlers
from rapport.serving.errors import RequestError, validation_error
from rapport.serving.json_encoding import encode_json
from rapport.serving.security.request_context import RequestContext

Handler = Callable[[object, RequestContext], Mapping[str, object] | bytes]
# Work this light runs on the event loop: a thread switch takes longer than the work itself.
_LIGHT_IDS = 10
_LIGHT_BYTES = 4_096
# Requests that wait for each other's batch need a thread each, and little time of the processor.
_BATCHED_THREADS = 32
_MANY = range(_LIGHT_IDS + 1)


class Dispatcher:
    """Answers request bodies; long work runs in ``threads`` threads, so that it blocks no other request."""

    def __init__(self, handlers: Handlers, *, threads: int, seconds: float) -> None:
        self.handlers, self._threads, self._seconds = handlers, threads, seconds
        self._thread_limiter: anyio.CapacityLimiter | None = None
        self._batch_limiter: anyio.CapacityLimiter | None = None

    async def answer(self, endpoint: Endpoint, body: bytes, context: RequestContext) -> bytes:
        """Return the answer as JSON; raises RapportError with the reason, or TimeoutError."""
        handler: Handler = getattr(self.handlers, endpoint.name)
        # A large body takes long to parse, too.
        if len(body) > _LIGHT_BYTES:
            return await self._in_thread(lambda: self._call(handler, _parse(endpoint, body), context))
        request = _parse(endpoint, body)
        if self.handlers.joins_batch(request):
            self._batch_limiter = self._batch_limiter or anyio.CapacityLimiter(_BATCHED_THREADS)
            return await self._in_thread(lambda: self._call(handler, request, context), self._batch_limiter)
        if len(getattr(request, "customer_ids", ()) or _MANY) <= _LIGHT_IDS:
            return self._call(handler, request, context)
        return await self._in_thread(lambda: self._call(handler, request, context))

    def _call(self, handler: Handler, request: BaseModel, context: RequestContext) -> bytes:
        try:
            found = handler(request, context)
            return found if isinstance(found, bytes) else encode_json(found)
        except RequestError as error:
            raise error.in_language(self.handlers.language_of(request)) from error

    async def _in_thread(self, work: Callable[[], bytes], limiter: anyio.CapacityLimiter | None = None) -> bytes:
        # Limiters are created in coroutines, because they belong to the running event loop.
        self._thread_limiter = self._thread_limiter or anyio.CapacityLimiter(self._threads)
        async with asyncio.timeout(self._seconds):
            return await anyio.to_thread.run_sync(work, limiter=limiter or self._thread_limiter)


def _parse(endpoint: Endpoint, body: bytes) -> BaseModel:
    try:
        return endpoint.request.model_validate_json(body)
    except ValidationError as error:
        # Without the value and the context, which contain what was sent.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        message, where = validation_error(first)
        raise RequestError(400, message, code="invalid", where=where) from None

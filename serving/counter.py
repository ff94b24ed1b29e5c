"""The counter: a body comes in, the desk is asked, and the answer goes out as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import anyio.to_thread
from pydantic import BaseModel, ValidationError
from rapport.serving.api import Api
from rapport.serving.asked import Asked
from rapport.serving.endpoints import Endpoint
from rapport.serving.problem import RequestError, invalid

Handler = Callable[[Any, Asked], Mapping[str, Any]]
# Work this light is done on the event loop: handing it to a thread and back takes longer than the work itself.
_LIGHT_IDS = 10
_LIGHT_BYTES = 4_096
# Python prints the shortest text that reads back to the same float: no digit is lost on the way.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Counter:
    """Answers bodies; long work goes to ``threads`` threads, so that it holds up nobody else."""

    def __init__(self, api: Api, *, threads: int, seconds: float) -> None:
        self._api, self._threads, self._seconds = api, threads, seconds
        self._places: anyio.CapacityLimiter | None = None

    async def answer(self, endpoint: Endpoint, body: bytes, asked: Asked) -> bytes:
        """Return the answer's JSON; RapportError says why there is none, TimeoutError that it took too long."""
        handler: Handler = getattr(self._api, endpoint.name)
        # A large body takes long to read, too.
        if len(body) > _LIGHT_BYTES:
            return await self._in_a_thread(lambda: self._said(handler, _read(endpoint, body), asked))
        request = _read(endpoint, body)
        if len(getattr(request, "customer_ids", _MANY)) <= _LIGHT_IDS:
            return self._said(handler, request, asked)
        return await self._in_a_thread(lambda: self._said(handler, request, asked))

    def _said(self, handler: Handler, request: BaseModel, asked: Asked) -> bytes:
        try:
            return _JSON.encode(handler(request, asked)).encode()
        except RequestError as error:
            raise error.spoken(self._api.language_of(request)) from error

    async def _in_a_thread(self, work: Callable[[], bytes]) -> bytes:
        # Made here, because it belongs to the event loop that runs.
        self._places = self._places or anyio.CapacityLimiter(self._threads)
        async with asyncio.timeout(self._seconds):
            return await anyio.to_thread.run_sync(work, limiter=self._places)


_MANY = range(_LIGHT_IDS + 1)


def _read(endpoint: Endpoint, body: bytes) -> BaseModel:
    try:
        return endpoint.takes.model_validate_json(body)
    except ValidationError as error:
        # Without the value and the context, which hold what was sent.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        message, where = invalid(first)
        raise RequestError(400, message, code="invalid", where=where) from None

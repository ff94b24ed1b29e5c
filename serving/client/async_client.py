"""The client whose methods are coroutines."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

import httpx

from ..shapes.answers import Answer, ListedCustomer
from ..shapes.bulk_answers import BulkJob
from .calls import Calls, Found, Outcome, Request, Steps, Target, checked, headers_of, line
from .retries import Retries

P_ = ParamSpec("P_")


def _method(
    call: Callable[Concatenate[Any, P_], Steps[Found]],
) -> Callable[Concatenate[AsyncRapport, P_], Coroutine[Any, Any, Found]]:
    @functools.wraps(call)
    async def method(client: AsyncRapport, /, *args: P_.args, **kwargs: P_.kwargs) -> Found:
        steps = call(client, *args, **kwargs)
        outcome: Outcome = None
        try:
            while True:
                outcome = await client.do(steps.send(outcome))
        except StopIteration as done:
            found: Found = done.value
            return found

    return method


class AsyncRapport:
    """The methods of ``Rapport`` as coroutines."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 20.0,
        client: httpx.AsyncClient | None = None,
        retries: Retries | None = None,
    ) -> None:
        self.retries = retries or Retries()
        self._http = client or httpx.AsyncClient(base_url=url, headers=headers_of(key), timeout=timeout)

    score = _method(Calls.score)
    score_history = _method(Calls.score_history)
    what_if = _method(Calls.what_if)
    change = _method(Calls.change)
    customer = _method(Calls.customer)
    feedback = _method(Calls.feedback)
    tasks = _method(Calls.tasks)
    open_task = _method(Calls.open_task)
    change_task = _method(Calls.change_task)
    bulk = _method(Calls.bulk)
    job = _method(Calls.job)
    cancel = _method(Calls.cancel)
    wait = _method(Calls.wait)
    _page = _method(Calls.customers_page)
    _result = _method(Calls.result)

    async def customers(
        self, target: Target = "churn", *, page: int = 500, **only: str | float
    ) -> AsyncIterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            found = await self._page(target, limit=page, after=after, **only)
            for customer in found["customers"]:
                yield customer
            if (after := found["next"]) is None:
                return

    async def results(self, job: BulkJob, *, poll: float = 1.0) -> AsyncIterator[Answer]:
        """Wait for a job of the form ``ndjson`` and iterate over its answers; they are not held in memory."""
        address = await self._result(job, poll=poll)
        async with self._http.stream("GET", address) as response:
            async for text in checked(response).aiter_lines():
                yield line(text)

    async def do(self, step: Request | float) -> Outcome:
        """Do one step of a call: send a request, or wait."""
        if not isinstance(step, Request):
            await asyncio.sleep(step)
            return None
        try:
            return await self._http.request(step.method, step.url, json=step.json, headers=step.headers)
        except httpx.TransportError as error:
            return error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

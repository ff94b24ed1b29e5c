"""The client whose methods return when the answer is there."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

import httpx

from ..shapes.answers import Answer, ListedCustomer
from ..shapes.bulk_answers import BulkJob
from .calls import Calls, Found, Outcome, Request, Steps, Target, checked, headers_of, line
from .retries import Retries

P_ = ParamSpec("P_")


def _method(call: Callable[Concatenate[Any, P_], Steps[Found]]) -> Callable[Concatenate[Rapport, P_], Found]:
    @functools.wraps(call)
    def method(client: Rapport, /, *args: P_.args, **kwargs: P_.kwargs) -> Found:
        steps = call(client, *args, **kwargs)
        outcome: Outcome = None
        try:
            while True:
                outcome = client.do(steps.send(outcome))
        except StopIteration as done:
            found: Found = done.value
            return found

    return method


class Rapport:
    """A client of one server; it needs a key unless the server on this machine has keys disabled."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 20.0,
        client: httpx.Client | None = None,
        retries: Retries | None = None,
    ) -> None:
        self.retries = retries or Retries()
        self._http = client or httpx.Client(base_url=url, headers=headers_of(key), timeout=timeout)

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

    def customers(self, target: Target = "churn", *, page: int = 500, **only: str | float) -> Iterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            found = self._page(target, limit=page, after=after, **only)
            yield from found["customers"]
            if (after := found["next"]) is None:
                return

    def results(self, job: BulkJob, *, poll: float = 1.0) -> Iterator[Answer]:
        """Wait for a job of the form ``ndjson`` and iterate over its answers; they are not held in memory."""
        with self._http.stream("GET", self._result(job, poll=poll)) as response:
            yield from map(line, checked(response).iter_lines())

    def download(self, job: BulkJob, path: str | Path, *, poll: float = 1.0) -> Path:
        """Wait for a job and write its result to a file."""
        with self._http.stream("GET", self._result(job, poll=poll)) as response, Path(path).open("wb") as file:
            for piece in checked(response).iter_bytes():
                file.write(piece)
        return Path(path)

    def do(self, step: Request | float) -> Outcome:
        """Do one step of a call: send a request, or wait."""
        if not isinstance(step, Request):
            time.sleep(step)
            return None
        try:
            return self._http.request(step.method, step.url, json=step.json, headers=step.headers)
        except httpx.TransportError as error:
            return error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""The client whose methods are coroutines."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import httpx

from ..shapes.answers import (
    Answer,
    ChangeAnswer,
    CustomerCard,
    CustomersPage,
    FeedbackReceipt,
    ListedCustomer,
    ScoreAnswers,
    WhatIfAnswer,
)
from ..shapes.bulk_answers import BulkJob
from ..shapes.task_answers import Task, TaskList
from . import bodies
from .bodies import Form, Json, Target, TaskChange
from .retries import Retries


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
        self._retries = retries or Retries()
        self._http = client or httpx.AsyncClient(base_url=url, headers=bodies.headers_of(key), timeout=timeout)

    async def score(
        self,
        customer_ids: Sequence[str],
        target: Target = "churn",
        *,
        reasons: int = 5,
        language: str | None = None,
        horizons: Sequence[str] = (),
    ) -> list[Answer]:
        """Return the answers in the order of the ids, of which there may be any number; an unknown id has ``error``.

        With ``horizons`` such as 3mo, each answer has the chance at each of them in ``timing``.
        """
        ids = bodies.checked_ids(customer_ids)
        found: list[Answer] = []
        for first in range(0, len(ids), bodies.MAX_IDS):
            payload = bodies.score(ids[first : first + bodies.MAX_IDS], target, reasons, language, horizons)
            found += cast(ScoreAnswers, await self._post("score", payload))["answers"]
        return found

    async def score_history(
        self,
        as_of: str,
        histories: Sequence[Mapping[str, Any]],
        target: Target = "churn",
        *,
        reasons: int = 5,
        horizons: Sequence[str] = (),
    ) -> list[Answer]:
        """Score customers whose history is sent along."""
        answers = await self._post("score_history", bodies.history(as_of, histories, target, reasons, horizons))
        return cast(ScoreAnswers, answers)["answers"]

    async def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer with some facts changed."""
        return cast(WhatIfAnswer, await self._post("what_if", bodies.what_if(customer_id, changes, target)))

    async def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Explain why a score moved between two days."""
        return cast(ChangeAnswer, await self._post("change", bodies.change(customer_id, start, end, target)))

    async def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return everything that is known about one customer."""
        return cast(
            CustomerCard, await self._post("customer", bodies.without_none(customer_id=customer_id, language=language))
        )

    async def customers(
        self, target: Target = "churn", *, page: int = 500, **only: str
    ) -> AsyncIterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            payload = bodies.without_none(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, await self._post("customers", payload))
            for customer in found["customers"]:
                yield customer
            if (after := found["next"]) is None:
                return

    async def feedback(
        self, customer_id: str, verdict: str, *, idempotency_key: str = "", **fields: str | None
    ) -> FeedbackReceipt:
        """Store what was found or done; with an ``idempotency_key`` it is safe to send again."""
        key = fields.pop(bodies.OLD_KEY, None) or idempotency_key
        payload = bodies.without_none(customer_id=customer_id, verdict=verdict, **fields)
        return cast(FeedbackReceipt, await self._post("feedback", payload, key))

    async def tasks(self, **only: Any) -> list[Task]:
        """Return tasks, those due first first; ``customer_id``, ``owner``, ``status`` and ``since`` filter them."""
        return cast(TaskList, await self._post("tasks", bodies.without_none(**only)))["tasks"]

    async def open_task(self, customer_id: str, title: str, **fields: Any) -> Task:
        """Open a task for an account."""
        payload = bodies.without_none(customer_id=customer_id, title=title, **fields)
        return cast(Task, await self._post("tasks/open", payload))

    async def change_task(self, task_id: int, change: TaskChange, **fields: Any) -> Task:
        """Assign, postpone, note, check a step of, finish or reopen a task."""
        return cast(Task, await self._post(f"tasks/{change}", bodies.without_none(task_id=task_id, **fields)))

    async def bulk(
        self,
        customer_ids: Sequence[str] | None = None,
        target: Target = "churn",
        *,
        only: Mapping[str, str] | None = None,
        form: Form = "ndjson",
        reasons: int = 5,
        language: str | None = None,
    ) -> BulkJob:
        """Start a job over up to 100,000 ids, or over all customers that ``only`` (tier, owner, …) finds."""
        payload = bodies.bulk(customer_ids, only, target, form, reasons=reasons, language=language)
        return cast(BulkJob, await self._post("bulk", payload))

    async def job(self, job: BulkJob) -> BulkJob:
        """Return the state of a job."""
        return cast(BulkJob, bodies.parsed(await self._send("GET", job["url"])))

    async def cancel(self, job: BulkJob) -> BulkJob:
        """Cancel a job."""
        return cast(BulkJob, bodies.parsed(await self._send("DELETE", job["url"])))

    async def wait(self, job: BulkJob, *, poll: float = 1.0) -> BulkJob:
        """Wait for the end of a job."""
        while (job := await self.job(job))["state"] in bodies.UNFINISHED:
            await asyncio.sleep(poll)
        return job

    async def results(self, job: BulkJob, *, poll: float = 1.0) -> AsyncIterator[Answer]:
        """Wait for a job of the form ``ndjson`` and iterate over its answers; they are not held in memory."""
        address = bodies.finished(await self.wait(job, poll=poll))
        async with self._http.stream("GET", address) as response:
            async for text in bodies.checked(response).aiter_lines():
                yield cast(Answer, bodies.line(text))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _post(self, endpoint: str, payload: Json, idempotency_key: str = "") -> Json:
        headers = bodies.idempotency(idempotency_key)
        return bodies.parsed(await self._send("POST", f"/v1/{endpoint}", json=payload, headers=headers))

    async def _send(self, method: str, address: str, **request: Any) -> httpx.Response:
        for attempt in itertools.count():
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = await self._http.request(method, address, **request)
            except httpx.TransportError as error:
                outcome = error
            pause = self._retries.pause(attempt, outcome)
            if pause is None:
                break
            await asyncio.sleep(pause)
        if isinstance(outcome, httpx.TransportError):
            raise outcome
        return outcome

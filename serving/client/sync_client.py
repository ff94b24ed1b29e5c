"""The client whose methods return when the answer is there."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
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
        self._retries = retries or Retries()
        self._http = client or httpx.Client(base_url=url, headers=bodies.headers_of(key), timeout=timeout)

    def score(
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
            found += cast(ScoreAnswers, self._post("score", payload))["answers"]
        return found

    def score_history(
        self,
        as_of: str,
        histories: Sequence[Mapping[str, Any]],
        target: Target = "churn",
        *,
        reasons: int = 5,
        horizons: Sequence[str] = (),
    ) -> list[Answer]:
        """Score customers whose history is sent along."""
        answers = self._post("score_history", bodies.history(as_of, histories, target, reasons, horizons))
        return cast(ScoreAnswers, answers)["answers"]

    def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer with some facts changed."""
        return cast(WhatIfAnswer, self._post("what_if", bodies.what_if(customer_id, changes, target)))

    def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Explain why a score moved between two days."""
        return cast(ChangeAnswer, self._post("change", bodies.change(customer_id, start, end, target)))

    def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return everything that is known about one customer."""
        return cast(
            CustomerCard, self._post("customer", bodies.without_none(customer_id=customer_id, language=language))
        )

    def customers(self, target: Target = "churn", *, page: int = 500, **only: str) -> Iterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            payload = bodies.without_none(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, self._post("customers", payload))
            yield from found["customers"]
            if (after := found["next"]) is None:
                return

    def feedback(
        self, customer_id: str, verdict: str, *, idempotency_key: str = "", **fields: str | None
    ) -> FeedbackReceipt:
        """Store what was found or done; with an ``idempotency_key`` it is safe to send again."""
        key = fields.pop(bodies.OLD_KEY, None) or idempotency_key
        payload = bodies.without_none(customer_id=customer_id, verdict=verdict, **fields)
        return cast(FeedbackReceipt, self._post("feedback", payload, key))

    def tasks(self, **only: Any) -> list[Task]:
        """Return tasks, those due first first; ``customer_id``, ``owner``, ``status`` and ``since`` filter them."""
        return cast(TaskList, self._post("tasks", bodies.without_none(**only)))["tasks"]

    def open_task(self, customer_id: str, title: str, **fields: Any) -> Task:
        """Open a task for an account."""
        payload = bodies.without_none(customer_id=customer_id, title=title, **fields)
        return cast(Task, self._post("tasks/open", payload))

    def change_task(self, task_id: int, change: TaskChange, **fields: Any) -> Task:
        """Assign, postpone, note, check a step of, finish or reopen a task."""
        return cast(Task, self._post(f"tasks/{change}", bodies.without_none(task_id=task_id, **fields)))

    def bulk(
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
        return cast(BulkJob, self._post("bulk", payload))

    def job(self, job: BulkJob) -> BulkJob:
        """Return the state of a job."""
        return cast(BulkJob, bodies.parsed(self._send("GET", job["url"])))

    def cancel(self, job: BulkJob) -> BulkJob:
        """Cancel a job."""
        return cast(BulkJob, bodies.parsed(self._send("DELETE", job["url"])))

    def wait(self, job: BulkJob, *, poll: float = 1.0) -> BulkJob:
        """Wait for the end of a job."""
        while (job := self.job(job))["state"] in bodies.UNFINISHED:
            time.sleep(poll)
        return job

    def results(self, job: BulkJob, *, poll: float = 1.0) -> Iterator[Answer]:
        """Wait for a job of the form ``ndjson`` and iterate over its answers; they are not held in memory."""
        with self._http.stream("GET", bodies.finished(self.wait(job, poll=poll))) as response:
            for text in bodies.checked(response).iter_lines():
                yield cast(Answer, bodies.line(text))

    def download(self, job: BulkJob, path: str | Path, *, poll: float = 1.0) -> Path:
        """Wait for a job and write its result to a file."""
        with (
            self._http.stream("GET", bodies.finished(self.wait(job, poll=poll))) as response,
            Path(path).open("wb") as file,
        ):
            for piece in bodies.checked(response).iter_bytes():
                file.write(piece)
        return Path(path)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, endpoint: str, payload: Json, idempotency_key: str = "") -> Json:
        headers = bodies.idempotency(idempotency_key)
        return bodies.parsed(self._send("POST", f"/v1/{endpoint}", json=payload, headers=headers))

    def _send(self, method: str, address: str, **request: Any) -> httpx.Response:
        for attempt in itertools.count():
            outcome: httpx.Response | httpx.TransportError
            try:
                outcome = self._http.request(method, address, **request)
            except httpx.TransportError as error:
                outcome = error
            pause = self._retries.pause(attempt, outcome)
            if pause is None:
                break
            time.sleep(pause)
        if isinstance(outcome, httpx.TransportError):
            raise outcome
        return outcome

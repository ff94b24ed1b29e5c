"""Every call of the API once: the requests that it sends, and what it makes of their answers.

A call is a generator of steps: a request, whose outcome it is sent, or a pause in seconds. ``Rapport`` does the steps
one after the other, ``AsyncRapport`` as a coroutine.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import httpx

from ..shapes.answers import Answer, ChangeAnswer, CustomerCard, CustomersPage, FeedbackReceipt, WhatIfAnswer
from ..shapes.bulk_answers import BulkJob
from ..shapes.task_answers import Task
from .retries import Retries, retry_after

Target = Literal["churn", "conversion"]
TaskChange = Literal["assign", "note", "snooze", "step", "finish", "reopen"]
Form = Literal["ndjson", "parquet"]
Outcome = httpx.Response | httpx.TransportError | None
Found = TypeVar("Found")
MAX_IDS = 1_000
_UNFINISHED = ("queued", "running")
# Earlier name of ``idempotency_key``, still accepted.
_OLD_KEY = "repeat_key"


@dataclass(frozen=True)
class Request:
    """One request to the server."""

    method: str
    url: str
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Steps = Generator[Request | float, Outcome, Found]


class RefusedError(Exception):
    """The service returned an error; ``code`` and ``where`` come from its body."""

    def __init__(self, status: int, code: str, message: str, where: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = status, code, where, retry_after


class Calls:
    """The calls of a client; ``retries`` says when it sends a request again."""

    retries: Retries

    def score(
        self,
        /,
        customer_ids: Sequence[str],
        target: Target = "churn",
        *,
        reasons: int = 5,
        language: str | None = None,
        horizons: Sequence[str] = (),
    ) -> Steps[list[Answer]]:
        """Return the answers in the order of the ids, of which there may be any number; an unknown id has ``error``.

        With ``horizons`` such as 3mo, each answer has the chance at each of them in ``timing``.
        """
        ids, found = checked_ids(customer_ids), list[Answer]()
        about = {"target": target, "reasons": reasons, "language": language, "horizons": list(horizons) or None}
        for first in range(0, len(ids), MAX_IDS):
            answer = yield from _post(self, "score", customer_ids=ids[first : first + MAX_IDS], **about)
            found += answer["answers"]
        return found

    def score_history(
        self,
        /,
        as_of: str,
        histories: Sequence[Mapping[str, Any]],
        target: Target = "churn",
        *,
        reasons: int = 5,
        horizons: Sequence[str] = (),
    ) -> Steps[list[Answer]]:
        """Score customers whose history is sent along."""
        about = {"target": target, "reasons": reasons, "horizons": list(horizons) or None}
        answer = yield from _post(self, "score_history", as_of=as_of, histories=list(histories), **about)
        return cast("list[Answer]", answer["answers"])

    def what_if(
        self, /, customer_id: str, changes: Mapping[str, float], target: Target = "churn"
    ) -> Steps[WhatIfAnswer]:
        """Score a customer with some facts changed."""
        answer = yield from _post(self, "what_if", customer_id=customer_id, changes=dict(changes), target=target)
        return cast(WhatIfAnswer, answer)

    def change(self, /, customer_id: str, start: str, end: str, target: Target = "churn") -> Steps[ChangeAnswer]:
        """Explain why a score moved between two days."""
        days = {"from": start, "to": end}
        return cast(ChangeAnswer, (yield from _post(self, "change", customer_id=customer_id, target=target, **days)))

    def customer(self, /, customer_id: str, *, language: str | None = None) -> Steps[CustomerCard]:
        """Return everything that is known about one customer."""
        return cast(CustomerCard, (yield from _post(self, "customer", customer_id=customer_id, language=language)))

    def customers_page(
        self, /, target: Target = "churn", *, limit: int = 500, after: str | None = None, **only: str | float
    ) -> Steps[CustomersPage]:
        """Return the scored customers after a place in their list, and the place of the next page."""
        return cast(
            CustomersPage, (yield from _post(self, "customers", target=target, limit=limit, after=after, **only))
        )

    def feedback(
        self, /, customer_id: str, verdict: str, *, idempotency_key: str = "", **fields: str | None
    ) -> Steps[FeedbackReceipt]:
        """Store what was found or done; with an ``idempotency_key`` it is safe to send again."""
        key = fields.pop(_OLD_KEY, None) or idempotency_key
        body = without_none(customer_id=customer_id, verdict=verdict, **fields)
        headers = {"idempotency-key": key} if key else {}
        return cast(FeedbackReceipt, (yield from _send(self, Request("POST", "/v1/feedback", body, headers))))

    def tasks(self, /, **only: Any) -> Steps[list[Task]]:
        """Return tasks, those due first first; ``customer_id``, ``owner``, ``status`` and ``since`` filter them."""
        return cast("list[Task]", (yield from _post(self, "tasks", **only))["tasks"])

    def open_task(self, /, customer_id: str, title: str, **fields: Any) -> Steps[Task]:
        """Open a task for an account."""
        return cast(Task, (yield from _post(self, "tasks/open", customer_id=customer_id, title=title, **fields)))

    def change_task(self, /, task_id: int, change: TaskChange, **fields: Any) -> Steps[Task]:
        """Assign, postpone, note, check a step of, finish or reopen a task."""
        return cast(Task, (yield from _post(self, f"tasks/{change}", task_id=task_id, **fields)))

    def bulk(
        self,
        /,
        customer_ids: Sequence[str] | None = None,
        target: Target = "churn",
        *,
        only: Mapping[str, str | float] | None = None,
        form: Form = "ndjson",
        reasons: int = 5,
        language: str | None = None,
    ) -> Steps[BulkJob]:
        """Start a job over up to 100,000 ids, or over all customers that ``only`` (tier, owner, …) finds."""
        ids = None if customer_ids is None else checked_ids(customer_ids)
        chosen = None if only is None and ids is not None else dict(only or {})
        about = {"target": target, "format": form, "reasons": reasons, "language": language}
        return cast(BulkJob, (yield from _post(self, "bulk", customer_ids=ids, filter=chosen, **about)))

    def job(self, /, job: BulkJob) -> Steps[BulkJob]:
        """Return the state of a job."""
        return cast(BulkJob, (yield from _send(self, Request("GET", job["url"]))))

    def cancel(self, /, job: BulkJob) -> Steps[BulkJob]:
        """Cancel a job."""
        return cast(BulkJob, (yield from _send(self, Request("DELETE", job["url"]))))

    def wait(self, /, job: BulkJob, *, poll: float = 1.0) -> Steps[BulkJob]:
        """Wait for the end of a job."""
        while (job := (yield from Calls.job(self, job)))["state"] in _UNFINISHED:
            yield poll
        return job

    def result(self, /, job: BulkJob, *, poll: float = 1.0) -> Steps[str]:
        """Wait for a job and return the address of its result; RefusedError if it came to another end."""
        ended = yield from Calls.wait(self, job, poll=poll)
        if ended["result"] is None:
            raise RefusedError(409, "conflict", ended["error"] or f"The job is {ended['state']}.", "job", None)
        return ended["result"]


def _post(calls: Calls, endpoint: str, **fields: Any) -> Steps[dict[str, Any]]:
    return _send(calls, Request("POST", f"/v1/{endpoint}", without_none(**fields)))


def _send(calls: Calls, request: Request) -> Steps[dict[str, object]]:
    """Send a request until it is answered or repeating it makes no sense; return the body of the answer."""
    attempt = -1
    while True:
        outcome, attempt = (yield request), attempt + 1
        assert outcome is not None, "only a pause has no outcome"
        if (pause := calls.retries.pause(attempt, outcome)) is not None:
            yield pause
        elif isinstance(outcome, httpx.TransportError):
            raise outcome
        else:
            return cast("dict[str, object]", checked(outcome).json())


def checked_ids(ids: Sequence[str]) -> list[str]:
    """Return ids as a list; a single string is refused."""
    # A string is a sequence of its letters: each would be looked up as an id.
    if isinstance(ids, str):
        raise TypeError(f"customer_ids must be a list of ids, not one string: use [{ids!r}].")
    return list(ids)


def without_none(**fields: object) -> dict[str, object]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def headers_of(key: str | None) -> dict[str, str]:
    """Return the headers of a caller with this key."""
    return {"authorization": f"Bearer {key}"} if key else {}


def checked(response: httpx.Response) -> httpx.Response:
    """Return a response; RefusedError if it is an error. Its body must have been read."""
    if response.is_success:
        return response
    try:
        error = response.json()["error"]
        reason = (str(error["code"]), str(error["message"]), str(error["where"]))
    except (ValueError, KeyError, TypeError):
        # Most likely a proxy in front of the service.
        reason = ("unreadable", f"Status {response.status_code} without a readable reason.", "")
    raise RefusedError(response.status_code, *reason, retry_after(response))


def line(text: str) -> Answer:
    """Return one line of a result."""
    return cast(Answer, json.loads(text))

"""A small typed client of the HTTP API; it needs only httpx.

    with Rapport("http://127.0.0.1:3000", key="rapport_…") as rapport:
        [answer] = rapport.score(["C-1042"])

``AsyncRapport`` has the same methods as coroutines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx

from rapport.serving.api.answers import (
    Answer,
    ChangeAnswer,
    CustomerCard,
    CustomersPage,
    FeedbackReceipt,
    ListedCustomer,
    ScoreAnswers,
    WhatIfAnswer,
)
from rapport.serving.api.task_answers import Task, TaskList

Target = Literal["churn", "conversion"]
TaskChange = Literal["assign", "note", "snooze", "step", "finish", "reopen"]
Json = dict[str, Any]
_MAX_IDS = 1_000
# Earlier name of ``idempotency_key``, still accepted.
_OLD_KEY = "repeat_key"


class RefusedError(Exception):
    """The service returned an error; ``code`` and ``where`` come from its body."""

    def __init__(self, status: int, code: str, message: str, where: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = status, code, where, retry_after


class _Payloads:
    """The bodies that both clients send."""

    @staticmethod
    def score(ids: Sequence[str], target: Target, reasons: int, language: str | None, horizons: Sequence[str]) -> Json:
        fields = _without_none(customer_ids=list(ids), target=target, reasons=reasons, language=language)
        return fields | _Payloads.horizons(horizons)

    @staticmethod
    def horizons(horizons: Sequence[str]) -> Json:
        return {"horizons": list(horizons)} if horizons else {}

    @staticmethod
    def checked(ids: Sequence[str]) -> Sequence[str]:
        # A string is a sequence of its letters: each would be looked up as an id.
        if isinstance(ids, str):
            raise TypeError(f"customer_ids must be a list of ids, not one string: use [{ids!r}].")
        return ids

    @staticmethod
    def history(
        as_of: str, histories: Sequence[Mapping[str, Any]], target: Target, reasons: int, horizons: Sequence[str]
    ) -> Json:
        fields = {"as_of": as_of, "histories": list(histories), "target": target, "reasons": reasons}
        return fields | _Payloads.horizons(horizons)

    @staticmethod
    def change(customer_id: str, start: str, end: str, target: Target) -> Json:
        return {"customer_id": customer_id, "from": start, "to": end, "target": target}


class Rapport:
    """A client of one server; it needs a key unless the server on this machine has keys disabled."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 20.0, client: httpx.Client | None = None
    ) -> None:
        self._http = client or httpx.Client(base_url=url, headers=_headers(key), timeout=timeout)

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
        found: list[Answer] = []
        for first in range(0, len(_Payloads.checked(customer_ids)), _MAX_IDS):
            payload = _Payloads.score(customer_ids[first : first + _MAX_IDS], target, reasons, language, horizons)
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
        answers = self._post("score_history", _Payloads.history(as_of, histories, target, reasons, horizons))
        return cast(ScoreAnswers, answers)["answers"]

    def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer with some facts changed."""
        return cast(WhatIfAnswer, self._post("what_if", _what_if(customer_id, changes, target)))

    def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Explain why a score moved between two days."""
        return cast(ChangeAnswer, self._post("change", _Payloads.change(customer_id, start, end, target)))

    def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return everything that is known about one customer."""
        return cast(CustomerCard, self._post("customer", _without_none(customer_id=customer_id, language=language)))

    def customers(self, target: Target = "churn", *, page: int = 500, **only: str) -> Iterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            payload = _without_none(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, self._post("customers", payload))
            yield from found["customers"]
            if (after := found["next"]) is None:
                return

    def feedback(
        self, customer_id: str, verdict: str, *, idempotency_key: str = "", **fields: str | None
    ) -> FeedbackReceipt:
        """Store what was found or done; with an ``idempotency_key`` it is safe to send again."""
        key = fields.pop(_OLD_KEY, None) or idempotency_key
        payload = _without_none(customer_id=customer_id, verdict=verdict, **fields)
        return cast(FeedbackReceipt, self._post("feedback", payload, key))

    def tasks(self, **only: Any) -> list[Task]:
        """Return tasks, those due first first; ``customer_id``, ``owner``, ``status`` and ``since`` filter them."""
        return cast(TaskList, self._post("tasks", _without_none(**only)))["tasks"]

    def open_task(self, customer_id: str, title: str, **fields: Any) -> Task:
        """Open a task for an account."""
        payload = _without_none(customer_id=customer_id, title=title, **fields)
        return cast(Task, self._post("tasks/open", payload))

    def change_task(self, task_id: int, change: TaskChange, **fields: Any) -> Task:
        """Assign, postpone, note, check a step of, finish or reopen a task."""
        return cast(Task, self._post(f"tasks/{change}", _without_none(task_id=task_id, **fields)))

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
        return _parsed(self._http.post(f"/v1/{endpoint}", json=payload, headers=_idempotency(idempotency_key)))


class AsyncRapport:
    """The same methods as coroutines."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 20.0, client: httpx.AsyncClient | None = None
    ) -> None:
        self._http = client or httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout)

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
        found: list[Answer] = []
        for first in range(0, len(_Payloads.checked(customer_ids)), _MAX_IDS):
            payload = _Payloads.score(customer_ids[first : first + _MAX_IDS], target, reasons, language, horizons)
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
        answers = await self._post("score_history", _Payloads.history(as_of, histories, target, reasons, horizons))
        return cast(ScoreAnswers, answers)["answers"]

    async def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer with some facts changed."""
        return cast(WhatIfAnswer, await self._post("what_if", _what_if(customer_id, changes, target)))

    async def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Explain why a score moved between two days."""
        return cast(ChangeAnswer, await self._post("change", _Payloads.change(customer_id, start, end, target)))

    async def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return everything that is known about one customer."""
        return cast(
            CustomerCard, await self._post("customer", _without_none(customer_id=customer_id, language=language))
        )

    async def customers(
        self, target: Target = "churn", *, page: int = 500, **only: str
    ) -> AsyncIterator[ListedCustomer]:
        """Iterate over all scored customers, most value at risk first; ``tier`` and ``owner`` filter them."""
        after: str | None = None
        while True:
            payload = _without_none(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, await self._post("customers", payload))
            for customer in found["customers"]:
                yield customer
            if (after := found["next"]) is None:
                return

    async def feedback(
        self, customer_id: str, verdict: str, *, idempotency_key: str = "", **fields: str | None
    ) -> FeedbackReceipt:
        """Store what was found or done; with an ``idempotency_key`` it is safe to send again."""
        key = fields.pop(_OLD_KEY, None) or idempotency_key
        payload = _without_none(customer_id=customer_id, verdict=verdict, **fields)
        return cast(FeedbackReceipt, await self._post("feedback", payload, key))

    async def tasks(self, **only: Any) -> list[Task]:
        """Return tasks, those due first first; ``customer_id``, ``owner``, ``status`` and ``since`` filter them."""
        return cast(TaskList, await self._post("tasks", _without_none(**only)))["tasks"]

    async def open_task(self, customer_id: str, title: str, **fields: Any) -> Task:
        """Open a task for an account."""
        payload = _without_none(customer_id=customer_id, title=title, **fields)
        return cast(Task, await self._post("tasks/open", payload))

    async def change_task(self, task_id: int, change: TaskChange, **fields: Any) -> Task:
        """Assign, postpone, note, check a step of, finish or reopen a task."""
        return cast(Task, await self._post(f"tasks/{change}", _without_none(task_id=task_id, **fields)))

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
        return _parsed(await self._http.post(f"/v1/{endpoint}", json=payload, headers=_idempotency(idempotency_key)))


def _what_if(customer_id: str, changes: Mapping[str, float], target: Target) -> Json:
    return {"customer_id": customer_id, "changes": dict(changes), "target": target}


def _without_none(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _headers(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _idempotency(key: str) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _parsed(response: httpx.Response) -> Json:
    if response.is_success:
        return cast(Json, response.json())
    try:
        error = response.json()["error"]
        reason = (str(error["code"]), str(error["message"]), str(error["where"]))
    except (ValueError, KeyError, TypeError):
        # Most likely a proxy in front of the service.
        reason = ("unreadable", f"Status {response.status_code} without a readable reason.", "")
    wait = response.headers.get("retry-after", "")
    raise RefusedError(response.status_code, *reason, float(wait) if wait.isdigit() else None)

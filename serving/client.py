"""A small typed client for programs that ask Rapport; it needs only httpx.

    with Rapport("http://127.0.0.1:3000", key="rapport_…") as rapport:
        [answer] = rapport.score(["C-1042"])

``AsyncRapport`` has the same calls, awaited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx
from rapport.serving.answers import (
    Answer,
    ChangeAnswer,
    CustomerCard,
    CustomersPage,
    FeedbackReceipt,
    ListedCustomer,
    ScoreAnswers,
    WhatIfAnswer,
)

Target = Literal["churn", "conversion"]
Json = dict[str, Any]
_MOST_IDS = 1_000


class RefusedError(Exception):
    """The service refused; ``code`` and ``where`` as it said them."""

    def __init__(self, status: int, code: str, message: str, where: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = status, code, where, retry_after


class _Questions:
    """What each call sends; how it is sent is the client's own."""

    @staticmethod
    def score(ids: Sequence[str], target: Target, reasons: int, language: str | None) -> Json:
        return _given(customer_ids=list(ids), target=target, reasons=reasons, language=language)

    @staticmethod
    def history(as_of: str, histories: Sequence[Mapping[str, Any]], target: Target, reasons: int) -> Json:
        return {"as_of": as_of, "histories": list(histories), "target": target, "reasons": reasons}

    @staticmethod
    def change(customer_id: str, start: str, end: str, target: Target) -> Json:
        return {"customer_id": customer_id, "from": start, "to": end, "target": target}


class Rapport:
    """Asks one server; give it a key unless the server runs open on this machine."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 20.0, client: httpx.Client | None = None
    ) -> None:
        self._http = client or httpx.Client(base_url=url, headers=_headers(key), timeout=timeout)

    def score(
        self, customer_ids: Sequence[str], target: Target = "churn", *, reasons: int = 5, language: str | None = None
    ) -> list[Answer]:
        """Return the answers in the order asked; any number of ids, an unknown one has an ``error``."""
        found: list[Answer] = []
        for first in range(0, len(customer_ids), _MOST_IDS):
            asked = _Questions.score(customer_ids[first : first + _MOST_IDS], target, reasons, language)
            found += cast(ScoreAnswers, self._ask("score", asked))["answers"]
        return found

    def score_history(
        self, as_of: str, histories: Sequence[Mapping[str, Any]], target: Target = "churn", *, reasons: int = 5
    ) -> list[Answer]:
        """Score customers whose history is given."""
        answers = self._ask("score_history", _Questions.history(as_of, histories, target, reasons))
        return cast(ScoreAnswers, answers)["answers"]

    def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer as it would be."""
        return cast(WhatIfAnswer, self._ask("what_if", _what_if(customer_id, changes, target)))

    def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Say why a score moved between two days."""
        return cast(ChangeAnswer, self._ask("change", _Questions.change(customer_id, start, end, target)))

    def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return all that is known and said of one customer."""
        return cast(CustomerCard, self._ask("customer", _given(customer_id=customer_id, language=language)))

    def customers(self, target: Target = "churn", *, page: int = 500, **only: str) -> Iterator[ListedCustomer]:
        """Go through all scored customers, most value at risk first; ``tier`` and ``owner`` narrow them."""
        after: str | None = None
        while True:
            asked = _given(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, self._ask("customers", asked))
            yield from found["customers"]
            if (after := found["next"]) is None:
                return

    def feedback(self, customer_id: str, verdict: str, *, repeat_key: str = "", **said: str | None) -> FeedbackReceipt:
        """Say what was found or done; with ``repeat_key`` it is safe to send again."""
        asked = _given(customer_id=customer_id, verdict=verdict, **said)
        return cast(FeedbackReceipt, self._ask("feedback", asked, repeat_key))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, address: str, asked: Json, repeat_key: str = "") -> Json:
        return _told(self._http.post(f"/v1/{address}", json=asked, headers=_repeat(repeat_key)))


class AsyncRapport:
    """The same calls, awaited."""

    def __init__(
        self, url: str, key: str | None = None, *, timeout: float = 20.0, client: httpx.AsyncClient | None = None
    ) -> None:
        self._http = client or httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout)

    async def score(
        self, customer_ids: Sequence[str], target: Target = "churn", *, reasons: int = 5, language: str | None = None
    ) -> list[Answer]:
        """Return the answers in the order asked; any number of ids, an unknown one has an ``error``."""
        found: list[Answer] = []
        for first in range(0, len(customer_ids), _MOST_IDS):
            asked = _Questions.score(customer_ids[first : first + _MOST_IDS], target, reasons, language)
            found += cast(ScoreAnswers, await self._ask("score", asked))["answers"]
        return found

    async def score_history(
        self, as_of: str, histories: Sequence[Mapping[str, Any]], target: Target = "churn", *, reasons: int = 5
    ) -> list[Answer]:
        """Score customers whose history is given."""
        answers = await self._ask("score_history", _Questions.history(as_of, histories, target, reasons))
        return cast(ScoreAnswers, answers)["answers"]

    async def what_if(self, customer_id: str, changes: Mapping[str, float], target: Target = "churn") -> WhatIfAnswer:
        """Score a customer as it would be."""
        return cast(WhatIfAnswer, await self._ask("what_if", _what_if(customer_id, changes, target)))

    async def change(self, customer_id: str, start: str, end: str, target: Target = "churn") -> ChangeAnswer:
        """Say why a score moved between two days."""
        return cast(ChangeAnswer, await self._ask("change", _Questions.change(customer_id, start, end, target)))

    async def customer(self, customer_id: str, *, language: str | None = None) -> CustomerCard:
        """Return all that is known and said of one customer."""
        return cast(CustomerCard, await self._ask("customer", _given(customer_id=customer_id, language=language)))

    async def customers(
        self, target: Target = "churn", *, page: int = 500, **only: str
    ) -> AsyncIterator[ListedCustomer]:
        """Go through all scored customers, most value at risk first; ``tier`` and ``owner`` narrow them."""
        after: str | None = None
        while True:
            asked = _given(target=target, limit=page, after=after, **only)
            found = cast(CustomersPage, await self._ask("customers", asked))
            for customer in found["customers"]:
                yield customer
            if (after := found["next"]) is None:
                return

    async def feedback(
        self, customer_id: str, verdict: str, *, repeat_key: str = "", **said: str | None
    ) -> FeedbackReceipt:
        """Say what was found or done; with ``repeat_key`` it is safe to send again."""
        asked = _given(customer_id=customer_id, verdict=verdict, **said)
        return cast(FeedbackReceipt, await self._ask("feedback", asked, repeat_key))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, address: str, asked: Json, repeat_key: str = "") -> Json:
        return _told(await self._http.post(f"/v1/{address}", json=asked, headers=_repeat(repeat_key)))


def _what_if(customer_id: str, changes: Mapping[str, float], target: Target) -> Json:
    return {"customer_id": customer_id, "changes": dict(changes), "target": target}


def _given(**said: Any) -> Json:
    return {name: value for name, value in said.items() if value is not None}


def _headers(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _repeat(key: str) -> dict[str, str]:
    return {"idempotency-key": key} if key else {}


def _told(response: httpx.Response) -> Json:
    if response.is_success:
        return cast(Json, response.json())
    try:
        error = response.json()["error"]
        said = (str(error["code"]), str(error["message"]), str(error["where"]))
    except (ValueError, KeyError, TypeError):
        # Not our service: a proxy before it, most likely.
        said = ("unreadable", f"Status {response.status_code} without a readable reason.", "")
    wait = response.headers.get("retry-after", "")
    raise RefusedError(response.status_code, *said, float(wait) if wait.isdigit() else None)

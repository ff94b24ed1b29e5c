"""The bodies that both clients send, and what they make of a response."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import httpx

from .retries import retry_after

Target = Literal["churn", "conversion"]
TaskChange = Literal["assign", "note", "snooze", "step", "finish", "reopen"]
Form = Literal["ndjson", "parquet"]
Json = dict[str, Any]
MAX_IDS = 1_000
UNFINISHED = ("queued", "running")
# Earlier name of ``idempotency_key``, still accepted.
OLD_KEY = "repeat_key"


class RefusedError(Exception):
    """The service returned an error; ``code`` and ``where`` come from its body."""

    def __init__(self, status: int, code: str, message: str, where: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = status, code, where, retry_after


def checked_ids(ids: Sequence[str]) -> list[str]:
    """Return ids as a list; a single string is refused."""
    # A string is a sequence of its letters: each would be looked up as an id.
    if isinstance(ids, str):
        raise TypeError(f"customer_ids must be a list of ids, not one string: use [{ids!r}].")
    return list(ids)


def score(ids: Sequence[str], target: Target, reasons: int, language: str | None, horizons: Sequence[str]) -> Json:
    """Return the body of a score request."""
    body = without_none(customer_ids=list(ids), target=target, reasons=reasons, language=language)
    return body | ({"horizons": list(horizons)} if horizons else {})


def bulk(ids: Sequence[str] | None, only: Mapping[str, str] | None, target: Target, form: Form, **fields: Any) -> Json:
    """Return the body of a bulk job: of ids, or of a filter."""
    body = without_none(target=target, format=form, **fields)
    if ids is not None:
        body["customer_ids"] = checked_ids(ids)
    if only is not None or ids is None:
        body["filter"] = dict(only or {})
    return body


def what_if(customer_id: str, changes: Mapping[str, float], target: Target) -> Json:
    """Return the body of a what-if request."""
    return {"customer_id": customer_id, "changes": dict(changes), "target": target}


def history(
    as_of: str, histories: Sequence[Mapping[str, Any]], target: Target, reasons: int, horizons: Sequence[str]
) -> Json:
    """Return the body of a request with histories."""
    body = {"as_of": as_of, "histories": list(histories), "target": target, "reasons": reasons}
    return body | ({"horizons": list(horizons)} if horizons else {})


def change(customer_id: str, start: str, end: str, target: Target) -> Json:
    """Return the body of a request for a change."""
    return {"customer_id": customer_id, "from": start, "to": end, "target": target}


def without_none(**fields: Any) -> Json:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def headers_of(key: str | None) -> dict[str, str]:
    """Return the headers of a caller with this key."""
    return {"authorization": f"Bearer {key}"} if key else {}


def idempotency(key: str) -> dict[str, str]:
    """Return the header of a request that may be sent twice."""
    return {"idempotency-key": key} if key else {}


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


def parsed(response: httpx.Response) -> Json:
    """Return the body of a response; RefusedError if it is an error."""
    return cast(Json, checked(response).json())


def finished(job: Mapping[str, Any]) -> str:
    """Return the address of a finished job's result; RefusedError if the job came to another end."""
    if job["result"] is None:
        raise RefusedError(409, "conflict", job["error"] or f"The job is {job['state']}.", "job", None)
    return str(job["result"])


def line(text: str) -> Json:
    """Return one line of a result."""
    return cast(Json, json.loads(text))

"""The one shape of every refusal, and which refusal is whose fault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from history.errors import BundleError, RapportError, ServingError

CODES = {
    400: "bad_request", 401: "no_key", 403: "wrong_scope", 404: "not_found", 405: "wrong_method", 408: "slow_upload",
    409: "conflict", 413: "too_large", 415: "not_json", 422: "refused", 429: "busy", 500: "internal", 503: "not_ready",
    504: "timeout",
}  # fmt: skip
SENTENCES = {
    400: "The request is not understood.",
    401: "Send a valid key: Authorization: Bearer <key>.",
    404: "There is nothing at this address; see /openapi.json.",
    405: "This address does not take that method; see /openapi.json.",
    415: "Send JSON: Content-Type: application/json.",
    500: "Something went wrong on our side; the log has the request id.",
    503: "The service is not ready; try again in a moment.",
    504: "The answer took too long and was given up; ask for fewer customers at once.",
}


class RequestError(ServingError):
    """A request that cannot be answered, with its status and code."""

    def __init__(self, status: int, message: str, *, code: str = "", where: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = (
            status,
            code or CODES[status],
            where,
            retry_after,
        )


class NotReadyError(ServingError):
    """Nothing has been scored or published yet, so there is nothing to answer from."""


def problem(code: str, message: str, where: str = "") -> dict[str, Any]:
    """Return the body of a refusal."""
    return {"error": {"code": code, "message": message, "where": where}}


def of_error(error: RapportError) -> tuple[int, dict[str, Any]]:
    """Return the status and body for a mistake that a room reported."""
    if isinstance(error, RequestError):
        return error.status, problem(error.code, str(error), error.where)
    if isinstance(error, NotReadyError | BundleError):
        return 503, problem("not_ready", str(error))
    return 422, problem("refused", str(error))


def of_status(status: int) -> dict[str, Any]:
    """Return the body for a status that comes with nothing more to say."""
    known = status if status in CODES else (400 if status < 500 else 500)
    return problem(CODES[known], SENTENCES.get(known, SENTENCES[400]))


def reshaped(status: int, body: bytes) -> dict[str, Any]:
    """Give a body that BentoML or Starlette wrote our shape; what is in ours already stays."""
    try:
        found = json.loads(body)
    except ValueError:
        return of_status(status)
    if isinstance(found, Mapping):
        if isinstance(found.get("error"), Mapping):
            return dict(found)
        if status < 500 and isinstance(found.get("detail"), list) and found["detail"]:
            return _invalid(found["detail"][0])
    return of_status(status)


def _invalid(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Say what is wrong with the body, from pydantic's first complaint; never the value itself."""
    where = ".".join(str(part) for part in detail.get("loc", ()))[:200]
    message = str(detail.get("msg", SENTENCES[400]))[:300]
    return problem("invalid", f"{where}: {message}." if where else f"{message}.", where)

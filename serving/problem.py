"""The one shape of every refusal, and which refusal is whose fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rapport.history.contract import Words

from rapport.errors import BundleError, RapportError, ServingError

CODES = {
    400: "bad_request", 401: "no_key", 403: "wrong_scope", 404: "not_found", 405: "wrong_method", 408: "slow_upload",
    409: "conflict", 413: "too_large", 415: "not_json", 422: "refused", 429: "busy", 500: "internal", 503: "not_ready",
    504: "timeout",
}  # fmt: skip


_PLAINER = {"extra_forbidden": "There is no such field here; see /openapi.json", "missing": "Must be given"}


UNKNOWN_CUSTOMER = Words("No such customer in the latest snapshot.", "最新一次评分中没有此客户。")


class RequestError(ServingError):
    """A request that cannot be answered, with its status and code; what users meet is told in both languages."""

    def __init__(
        self, status: int, message: str | Words, *, code: str = "", where: str = "", retry_after: float = 0.0
    ) -> None:
        self.words = message if isinstance(message, Words) else Words(message, message)
        super().__init__(self.words.en)
        self.status, self.code, self.where, self.retry_after = (
            status,
            code or CODES[status],
            where,
            retry_after,
        )

    def spoken(self, language: str) -> RequestError:
        """Return the same in another language."""
        return RequestError(
            self.status,
            getattr(self.words, language),
            code=self.code,
            where=self.where,
            retry_after=self.retry_after,
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


def invalid(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Say what is wrong with the body and where, from pydantic's first complaint; never the value itself."""
    where = ".".join(str(part) for part in detail.get("loc", ()))[:200]
    message = _PLAINER.get(str(detail.get("type")), str(detail.get("msg", "The body is not understood")))[:300]
    return (f"{where}: {message}." if where else f"{message}."), where

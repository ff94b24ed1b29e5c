"""Errors of requests: one JSON shape for every error, and the HTTP status of each kind."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from rapport.errors import BundleError, RapportError, ServingError
from rapport.localized import LocalizedText, MessageCatalogue

CODES = {
    400: "bad_request", 401: "no_key", 403: "wrong_scope", 404: "not_found", 405: "wrong_method", 408: "slow_upload",
    409: "conflict", 413: "too_large", 415: "not_json", 422: "refused", 429: "busy", 500: "internal", 503: "not_ready",
    504: "timeout",
}  # fmt: skip

_VALIDATION_MESSAGES = {
    "extra_forbidden": "There is no such field here; see /openapi.json",
    "missing": "Must be given",
}

MESSAGES = MessageCatalogue("rapport.serving")
message = MESSAGES.message


class RequestError(ServingError):
    """A request that cannot be answered, with its status and code; messages for users exist in both languages."""

    def __init__(
        self, status: int, message: str | LocalizedText, *, code: str = "", where: str = "", retry_after: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.where, self.retry_after = status, code or CODES[status], where, retry_after

    def in_language(self, language: str) -> RequestError:
        """Return the same error with its message in ``language``."""
        return RequestError(
            self.status,
            self.sentence(language),
            code=self.code,
            where=self.where,
            retry_after=self.retry_after,
        )


class NotReadyError(ServingError):
    """Nothing has been scored or published yet, so there is nothing to answer from."""


class StoreError(ServingError):
    """A file of the data folder is damaged or cannot be written; the message names no path."""


# A full or read-only disk is the operator's fault to mend and passes by itself: callers retry.
_STORAGE = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EIO})
_SQLITE_STORAGE = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
)
STORAGE = "The server cannot write to its data folder (disk full or read-only). Retry later; its log has the details."
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/:;,'\"“”]+/)+")


def is_storage_error(error: BaseException) -> bool:
    """Return whether an error says that the data folder cannot be written."""
    if isinstance(error, sqlite3.OperationalError):
        # The primary code is in the last byte; an error that Python raises by itself has none.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_STORAGE
    return isinstance(error, OSError) and error.errno in _STORAGE


def without_folders(text: str) -> str:
    """Return a message whose absolute paths are cut to their last name: callers learn nothing about the machine."""
    return _FOLDERS.sub("", text)


def error_body(code: str, message: str, where: str = "") -> dict[str, Any]:
    """Return the JSON body of an error."""
    return {"error": {"code": code, "message": message, "where": where}}


def error_response(error: RapportError) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and JSON body of an error."""
    if isinstance(error, RequestError):
        return error.status, error_body(error.code, str(error), error.where)
    if isinstance(error, NotReadyError | BundleError):
        return 503, error_body("not_ready", without_folders(str(error)))
    if isinstance(error, StoreError):
        return 503, error_body("storage", str(error))
    return 422, error_body("refused", without_folders(str(error)))


def validation_error(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Return message and location of pydantic's first validation error, without the value that was sent."""
    where = ".".join(str(part) for part in detail.get("loc", ()))[:200]
    message = _VALIDATION_MESSAGES.get(str(detail.get("type")), str(detail.get("msg", "The body is not valid")))[:300]
    return (f"{where}: {message}." if where else f"{message}."), where

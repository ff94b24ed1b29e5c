"""Outbound HTTP requests: signed, never redirected, and answered or not in one form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from http.client import HTTPException, HTTPMessage
from typing import IO

from rapport.integrity import same_secret

SIGNATURE_HEADER = "X-Rapport-Signature"
MIN_SECRET_BYTES = 16


def sign(secret: str, body: bytes, now: datetime) -> str:
    """Sign a body together with the time of sending, so that a captured message cannot be replayed later."""
    at = int(now.timestamp())
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def standard_headers(secret: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification, which receivers' libraries check."""
    at = int(now.timestamp())
    digest = hmac.new(_key(secret), f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    prefix = "whsec_"
    return base64.b64decode(secret.removeprefix(prefix)) if secret.startswith(prefix) else secret.encode()


def verify(secret: str, header: str, body: bytes, now: datetime, tolerance: timedelta = timedelta(minutes=5)) -> bool:
    """Return whether a received body has a valid, recent signature; for receivers, in constant time."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    at = fields.get("t", "")
    if not at.isdecimal() or abs(now.timestamp() - int(at)) > tolerance.total_seconds():
        return False
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return same_secret(fields.get("v1", ""), digest)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a request goes to the configured address and nowhere else.

    A redirected POST would arrive as a GET without its body, and look like success.
    """

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Refuse to follow."""


_OPENER = urllib.request.build_opener(_NoRedirects)


class NoAnswerError(Exception):
    """A request that was refused with a ``status``, or not answered at all (0); ``reason`` says which."""

    def __init__(self, status: int, reason: object, body: bytes = b"", retry_after: str = "") -> None:
        super().__init__(f"answered {status}" if status else f"no answer ({type(reason).__name__})")
        self.status, self.reason, self.body, self.retry_after = status, reason, body, retry_after


def send(request: urllib.request.Request, timeout: float, most: int = -1) -> bytes:
    """Send a request and return the body of its answer, of which ``most`` bytes are read; NoAnswerError without one."""
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            body: bytes = answer.read(most)
            return body
    except urllib.error.HTTPError as error:
        retry_after = str(error.headers.get("Retry-After") or "")
        raise NoAnswerError(error.code, error.reason, error.read(200), retry_after) from error
    except (OSError, HTTPException) as error:
        raise NoAnswerError(0, error) from error

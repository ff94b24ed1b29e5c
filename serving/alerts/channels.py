"""The ways out for an alert: a signed webhook, and a file of lines."""

import hashlib
import hmac
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Protocol

from history.errors import ServingError

ID_HEADER = "X-Rapport-Id"
SIGNATURE_HEADER = "X-Rapport-Signature"
_FEWEST_SECRET_BYTES = 16


class DeliveryError(Exception):
    """An alert could not be delivered this time; it is tried again."""


class Channel(Protocol):
    """A way out."""

    @property
    def name(self) -> str:
        """Name the way, as the outbox keeps it."""

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:
        """Deliver one alert, or raise DeliveryError."""


@dataclass(frozen=True)
class Webhook:
    """Posts each alert to an address, signed with a shared secret."""

    url: str
    secret: str
    timeout_seconds: float = 5.0
    name: str = "webhook"

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServingError(
                "The webhook address is no http or https address. Write one such as https://crm.example."
            )
        if len(self.secret.encode()) < _FEWEST_SECRET_BYTES:
            raise ServingError(f"The webhook secret is too short; give at least {_FEWEST_SECRET_BYTES} bytes.")

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:
        """Post one alert; anything but a 2xx answer in time is a failure."""
        headers = {
            "Content-Type": "application/json",
            ID_HEADER: alert_id,
            SIGNATURE_HEADER: sign(self.secret, body, now),
        }
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        try:
            with _OPENER.open(request, timeout=self.timeout_seconds):
                return
        except urllib.error.HTTPError as error:
            raise DeliveryError(f"answered {error.code}") from error
        except (OSError, HTTPException) as error:
            raise DeliveryError(f"no answer ({type(error).__name__})") from error


@dataclass(frozen=True)
class AlertFile:
    """Appends each alert to a file, one JSON object a line."""

    path: Path
    name: str = "file"

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:  # noqa: ARG002 - every channel has this shape
        """Write one line and make sure that it is on the disk."""
        try:
            with self.path.open("ab") as lines:
                lines.write(body + b"\n")
                lines.flush()
                os.fsync(lines.fileno())
        except OSError as error:
            raise DeliveryError(f"cannot be written ({error.strerror})") from error


def sign(secret: str, body: bytes, now: datetime) -> str:
    """Sign a body and the time of sending, so that an old message cannot be sent again by somebody else."""
    at = int(now.timestamp())
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def verify(secret: str, header: str, body: bytes, now: datetime, tolerance: timedelta = timedelta(minutes=5)) -> bool:
    """Say whether a received body carries our signature and is fresh; for receivers, in constant time."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    at = fields.get("t", "")
    if not at.isdecimal() or abs(now.timestamp() - int(at)) > tolerance.total_seconds():
        return False
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest, fields.get("v1", ""))


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a signed alert goes to the address that was configured and nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Refuse to follow."""


_OPENER = urllib.request.build_opener(_StayHere)

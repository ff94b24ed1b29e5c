"""The ways out for an alert: a signed webhook, and a file of lines."""

import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from rapport.serving.outward import FEWEST_SECRET_BYTES, OPENER, SIGNATURE_HEADER, sign

from rapport.errors import ServingError

ID_HEADER = "X-Rapport-Id"


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
        if len(self.secret.encode()) < FEWEST_SECRET_BYTES:
            raise ServingError(f"The webhook secret is too short; give at least {FEWEST_SECRET_BYTES} bytes.")

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:
        """Post one alert; anything but a 2xx answer in time is a failure."""
        headers = {
            "Content-Type": "application/json",
            ID_HEADER: alert_id,
            SIGNATURE_HEADER: sign(self.secret, body, now),
        }
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        try:
            with OPENER.open(request, timeout=self.timeout_seconds):
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

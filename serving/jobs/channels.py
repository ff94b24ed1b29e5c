"""Channels that deliver alerts: a signed webhook, and a JSON Lines file."""

import os
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rapport.errors import ServingError
from rapport.serving.outbound_http import (
    MIN_SECRET_BYTES,
    SIGNATURE_HEADER,
    NoAnswerError,
    send,
    sign,
    standard_headers,
)

ID_HEADER = "X-Rapport-Id"


_RETRIED_CODES = frozenset({408, 425, 429})


class DeliveryError(Exception):
    """A message could not be delivered; it is retried later. ``refused``: the receiver does not want this message."""

    def __init__(self, problem: str, *, refused: bool = False) -> None:
        super().__init__(problem)
        self.refused = refused


class Channel(Protocol):
    """A way to deliver alerts."""

    @property
    def name(self) -> str:
        """Return the name of the channel in the outbox."""

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:
        """Deliver one alert, or raise DeliveryError."""


@dataclass(frozen=True)
class Webhook:
    """Posts each alert to a URL, signed with a shared secret."""

    url: str
    secret: str
    timeout_seconds: float = 5.0
    name: str = "webhook"

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServingError("The webhook address is not an http or https URL. Use one such as https://crm.example.")
        if len(self.secret.encode()) < MIN_SECRET_BYTES:
            raise ServingError(f"The webhook secret is too short. Use at least {MIN_SECRET_BYTES} bytes.")

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:
        """Post one alert; anything but a 2xx response in time is a failure."""
        headers = {
            "Content-Type": "application/json",
            ID_HEADER: alert_id,
            SIGNATURE_HEADER: sign(self.secret, body, now),
            **standard_headers(self.secret, alert_id, body, now),
        }
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        try:
            send(request, self.timeout_seconds)
        except NoAnswerError as error:
            refused = 400 <= error.status < 500 and error.status not in _RETRIED_CODES
            raise DeliveryError(str(error), refused=refused) from error


@dataclass(frozen=True)
class AlertFile:
    """Appends each alert to a file, one JSON object per line."""

    path: Path
    name: str = "file"

    def send(self, alert_id: str, body: bytes, now: datetime) -> None:  # noqa: ARG002 - every channel has this shape
        """Append one line and flush it to the disk."""
        try:
            with self.path.open("ab") as lines:
                lines.write(body + b"\n")
                lines.flush()
                os.fsync(lines.fileno())
        except OSError as error:
            raise DeliveryError(f"cannot be written ({error.strerror})") from error

"""Context of a request beyond its body: the viewer, the deadline, and the ids that identify it."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from rapport.serving.errors import RequestError
from rapport.serving.security.keys import LOCAL, Viewer

VIEWER = "rapport.viewer"
"""Key of an ASGI scope for the viewer that a proxy authenticated before the console."""


@dataclass(frozen=True)
class RequestContext:
    """One authenticated request."""

    viewer: Viewer = LOCAL
    request_id: str = ""
    route: str = ""
    idempotency_key: str = ""
    deadline: float = float("inf")
    client: str = ""


_NO_REQUEST = RequestContext()
CURRENT: ContextVar[RequestContext] = ContextVar("request_context", default=_NO_REQUEST)
"""The context of the request that this task answers; threads started for it inherit it."""


def current_request() -> RequestContext:
    """Return the context of the request that this task answers."""
    return CURRENT.get()


def check_deadline() -> None:
    """Stop long work after its deadline, when the caller already received a timeout.

    A thread cannot be stopped from outside, so long work calls this between its steps.
    """
    if time.monotonic() > CURRENT.get().deadline:
        raise RequestError(504, "The request took too long and was stopped. Request fewer customers at once.")

"""What a handler may know of its request beyond the body: who asks, by when, under which ids."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from rapport.serving.keys import LOCAL, Viewer
from rapport.serving.problem import RequestError

VIEWER = "rapport.viewer"
"""Where a request's scope holds who signed in before the console, at a proxy."""


@dataclass(frozen=True)
class Asked:
    """One request, as the edge let it through."""

    viewer: Viewer = LOCAL
    request_id: str = ""
    route: str = ""
    idempotency_key: str = ""
    deadline: float = float("inf")


_NOBODY = Asked()
_ASKED: ContextVar[Asked] = ContextVar("asked", default=_NOBODY)


def asked() -> Asked:
    """Return the request that is being answered."""
    return _ASKED.get()


def set_asked(request: Asked) -> None:
    """Say which request this task answers; threads started for it inherit it."""
    _ASKED.set(request)


def still_wanted() -> None:
    """Stop long work whose caller was already told that it took too long.

    A thread cannot be stopped from outside, so the work asks between its steps.
    """
    if time.monotonic() > _ASKED.get().deadline:
        raise RequestError(504, "The answer took too long and was given up; ask for fewer customers at once.")

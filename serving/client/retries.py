"""When a request is sent again: the server was busy or not ready, or could not be reached, so nothing was done."""

from __future__ import annotations

import random
from dataclasses import dataclass

import httpx

_BUSY = (429, 503)


@dataclass(frozen=True)
class Retries:
    """How often a request is repeated, and how long the client waits at most in between.

    The server's ``Retry-After`` decides; without one the pauses double from ``first_pause`` seconds on. A request that
    was received but not answered is not repeated: it may have been carried out.
    """

    most: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, attempt: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is none. The first attempt is 0."""
        if attempt >= self.most:
            return None
        if isinstance(outcome, httpx.TransportError):
            return self._doubling(attempt) if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout) else None
        if outcome.status_code not in _BUSY:
            return None
        wanted = retry_after(outcome)
        return self._doubling(attempt) if wanted is None else min(wanted, self.longest_pause)

    def _doubling(self, attempt: int) -> float:
        # Clients that were refused together must not come back together.
        pause = min(self.first_pause * float(2**attempt), self.longest_pause)
        return pause * random.uniform(0.5, 1.0)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of the header ``Retry-After``."""
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdigit() else None

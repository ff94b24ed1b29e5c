"""How much a caller may ask: requests at once, and requests a minute."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

_REMEMBERED = 10_000


@dataclass
class InFlight:
    """Counts the requests being answered by this worker; above ``limit`` the next one is sent away."""

    limit: int
    now: int = 0

    def enter(self) -> bool:
        """Take a place if one is free."""
        if self.now >= self.limit:
            return False
        self.now += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.now -= 1


@dataclass
class Rate:
    """A bucket for each caller that refills evenly to ``per_minute`` requests."""

    per_minute: float
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, caller: str, now: float) -> float:
        """Take one request from the caller's bucket; return the seconds to wait when it is empty, else 0."""
        left, then = self._buckets.pop(caller, (self.per_minute, now))
        left = min(self.per_minute, left + (now - then) * self.per_minute / 60)
        short = max(0.0, 1 - left)
        self._buckets[caller] = (left if short else left - 1, now)
        # Bounded: whoever was silent longest is forgotten first.
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return short * 60 / self.per_minute

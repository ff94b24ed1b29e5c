"""How much a caller may ask: requests at once in one worker, and requests a minute in all of them."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_SLOTS = 8_192
_NEAR = 8
_SLOT = struct.Struct("<Qdd")
_WINDOW = struct.Struct("<" + "Qdd" * _NEAR)


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


class Rate:
    """A bucket for each caller that refills evenly to ``per_minute`` requests.

    With a ``file``, all workers that open it pour from the same buckets: which worker a connection happens to reach
    changes nothing. The table has a fixed size; where many callers meet, whoever was silent longest is forgotten first.
    """

    def __init__(self, per_minute: float, file: Path | None = None) -> None:
        self.per_minute = per_minute
        self._lock: int | None = None
        if file is not None:
            self._lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(self._lock, _SLOTS * _SLOT.size)
        self._table = mmap.mmap(-1 if self._lock is None else self._lock, _SLOTS * _SLOT.size)

    def wait(self, caller: str, now: float) -> float:
        """Take one request from the caller's bucket; return the seconds to wait when it is empty, else 0.

        ``now`` is on the machine's monotonic clock, which all processes share.
        """
        digest = hashlib.blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        # 0 marks a slot that was never used.
        mark = int.from_bytes(digest, "little") or 1
        if self._lock is None:
            return self._taken(mark, now)
        # The kernel gives the lock back when a worker is killed while it holds it.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            return self._taken(mark, now)
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _taken(self, mark: int, now: float) -> float:
        place, left, then = self._found(mark, now)
        left = min(self.per_minute, left + max(0.0, now - then) * self.per_minute / 60)
        short = max(0.0, 1 - left)
        _SLOT.pack_into(self._table, place, mark, left if short else left - 1, now)
        return short * 60 / self.per_minute

    def _found(self, mark: int, now: float) -> tuple[int, float, float]:
        """Return where the caller's bucket stands, what is in it and since when; a new one is full."""
        first = mark % (_SLOTS // _NEAR) * _NEAR * _SLOT.size
        held = _WINDOW.unpack_from(self._table, first)
        marks, times = held[0::3], held[2::3]
        if mark in marks:
            near = marks.index(mark)
            return first + near * _SLOT.size, held[near * 3 + 1], times[near]
        near = min(range(_NEAR), key=times.__getitem__)
        return first + near * _SLOT.size, self.per_minute, now

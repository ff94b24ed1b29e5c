"""Rate limits that all workers share."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from pathlib import Path

_SLOTS = 8_192
_WAYS = 8
_SLOT = struct.Struct("<Qdd")
_WINDOW = struct.Struct("<" + "Qdd" * _WAYS)

UPLOAD_PATH, UPLOAD_BYTES = "/setup", 64_000_000
"""The page that takes files, and how large they may be together."""


class RateLimiter:
    """A token bucket for each caller that refills evenly to ``per_minute`` requests.

    With a ``file``, all workers that open it share the buckets, so that the limit does not depend on which worker
    a connection reaches. The table has a fixed size; on collisions, the caller that was idle longest is evicted.
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
        # 0 marks an unused slot.
        mark = int.from_bytes(digest, "little") or 1
        if self._lock is None:
            return self._take(mark, now)
        # The kernel releases the lock when a worker is killed while holding it.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            return self._take(mark, now)
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _take(self, mark: int, now: float) -> float:
        first = mark % (_SLOTS // _WAYS) * _WAYS * _SLOT.size
        window = _WINDOW.unpack_from(self._table, first)
        marks, times = window[0::3], window[2::3]
        # A new caller has a full bucket, in the place of the one that was idle longest.
        way = marks.index(mark) if mark in marks else min(range(_WAYS), key=times.__getitem__)
        offset = first + way * _SLOT.size
        tokens, then = (window[way * 3 + 1], times[way]) if mark in marks else (self.per_minute, now)
        tokens = min(self.per_minute, tokens + max(0.0, now - then) * self.per_minute / 60)
        missing = max(0.0, 1 - tokens)
        _SLOT.pack_into(self._table, offset, mark, tokens if missing else tokens - 1, now)
        return missing * 60 / self.per_minute

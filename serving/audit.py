"""Who read whose score, and when: one file a day, readable by its owner only."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rapport.serving.asked import Asked

_JSON = json.JSONEncoder(ensure_ascii=False)


class AuditTrail:
    """The trail of one home. It holds ids, so it is kept apart from the logs."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "audit"
        self._open: tuple[str, int] | None = None
        self._turn = threading.Lock()

    def add(self, asked: Asked, customer_ids: Sequence[str], now: datetime) -> None:
        """Write one line before the answer is given."""
        entry = {
            "at": now.isoformat(timespec="milliseconds"),
            "by": asked.viewer.name,
            "route": asked.route,
            "request_id": asked.request_id,
            "customer_ids": list(customer_ids),
        }
        line = _JSON.encode(entry).encode() + b"\n"
        with self._turn:
            handle = self._file(f"{now:%Y-%m-%d}")
            # Several workers write to one file: the lock keeps long lines whole.
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                os.write(handle, line)
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def _file(self, day: str) -> int:
        """Return the day's file, kept open until the next; opened again when somebody took it away."""
        if self._open is not None:
            kept, handle = self._open
            if kept == day and os.fstat(handle).st_nlink:
                return handle
            os.close(handle)
            self._open = None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._folder / f"{day}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._open = (day, handle)
        return handle

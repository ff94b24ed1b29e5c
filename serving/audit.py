"""Who read whose score, and when: one file a day, readable by its owner only."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from serving.asked import Asked


class AuditTrail:
    """The trail of one home. It holds ids, so it is kept apart from the logs."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "audit"

    def add(self, asked: Asked, customer_ids: Sequence[str], now: datetime) -> None:
        """Write one line before the answer is given."""
        entry = {
            "at": now.isoformat(timespec="milliseconds"),
            "by": asked.viewer.name,
            "route": asked.route,
            "request_id": asked.request_id,
            "customer_ids": list(customer_ids),
        }
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{now:%Y-%m-%d}.jsonl"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # Several workers write to one file: the lock keeps long lines whole.
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, line)
        finally:
            os.close(handle)

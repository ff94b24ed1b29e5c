"""Audit trail of who read or changed what, when and from where: one file a day, readable by its owner only."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from rapport.serving.json_encoding import encode_json
from rapport.serving.security.request_context import RequestContext
from rapport.suppression import SuppressionList

KEEP_DAYS = 730


class AuditTrail:
    """The audit trail of one data folder. It contains customer ids, so it is separate from the logs."""

    def __init__(self, data_dir: Path, keep_days: int = KEEP_DAYS) -> None:
        self._folder, self._keep_days = data_dir / "audit", keep_days
        self._suppressed = SuppressionList(data_dir)
        self._open: tuple[str, int] | None = None
        self._lock = threading.Lock()

    def add(self, context: RequestContext, customer_ids: Sequence[str], now: datetime) -> None:
        """Write one line, before the answer is sent."""
        forgotten = self._suppressed.of(customer_ids)
        entry = {
            "at": now.isoformat(timespec="milliseconds"),
            "by": context.viewer.name,
            "from": context.client,
            "route": context.route,
            "request_id": context.request_id,
            # A request for a forgotten customer must not bring its id back.
            "customer_ids": [self._suppressed.pseudonym(one) if one in forgotten else one for one in customer_ids],
        }
        line = encode_json(entry) + b"\n"
        with self._lock:
            handle = self._file(now.date().isoformat())
            # Several workers write to one file: the lock keeps long lines intact.
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                os.write(handle, line)
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def _file(self, day: str) -> int:
        """Return the day's file, which stays open until the next day; it is opened again if it was deleted."""
        if self._open is not None:
            kept, handle = self._open
            if kept == day and os.fstat(handle).st_nlink:
                return handle
            os.close(handle)
            self._open = None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_old(date.fromisoformat(day))
        handle = os.open(self._folder / f"{day}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._open = (day, handle)
        return handle

    def _remove_old(self, today: date) -> None:
        """Remove the files that are older than the retention period."""
        oldest = (today - timedelta(days=self._keep_days)).isoformat()
        for path in self._folder.glob("[0-9]*.jsonl"):
            if path.stem < oldest:
                path.unlink(missing_ok=True)

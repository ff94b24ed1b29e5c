"""The sessions of the console that people ended: one small file that all workers read."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from rapport.files import replace_text
from rapport.locks import exclusive


class EndedSessions:
    """Session ids with the time at which their cookie expires anyway; without a file, kept in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._lock = path, threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._ended: dict[str, float] = {}

    def has(self, session_id: str) -> bool:
        """Return whether the session was ended."""
        self._refresh()
        return session_id in self._ended

    def add(self, session_id: str, until: float) -> None:
        """End a session; entries whose cookie has expired are dropped."""
        with self._lock:
            if self._path is None:
                self._ended[session_id] = until
                return
            now = datetime.now(UTC)
            with exclusive(self._path.parent, "sessions", "ending a session", now=now, timeout=5.0):
                kept = {one: end for one, end in _read(self._path).items() if end > time.time()}
                replace_text(self._path, json.dumps(kept | {session_id: until}), mode=0o600)

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._ended, self._stamp = _read(self._path), stamp


def _read(path: Path) -> dict[str, float]:
    """Return the stored sessions; a damaged file counts as empty: the cookies still expire."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {str(one): float(end) for one, end in stored.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}

"""The sessions of the console that people ended: one small file that all workers read."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from rapport.files import WatchedFile, read_json, replace_text
from rapport.locks import exclusive


class EndedSessions:
    """Session ids with the time at which their cookie expires anyway; without a file, kept in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file: WatchedFile[dict[str, float]] | None = WatchedFile(path, _read, {}) if path else None
        self._ended: dict[str, float] = {}

    def has(self, session_id: str) -> bool:
        """Return whether the session was ended."""
        return session_id in (self._file.content() if self._file else self._ended)

    def add(self, session_id: str, until: float) -> None:
        """End a session; entries whose cookie has expired are dropped."""
        with self._lock:
            if self._file is None:
                self._ended[session_id] = until
                return
            path = self._file.path
            with exclusive(path.parent, "sessions", "ending a session", now=datetime.now(UTC), timeout=5.0):
                kept = {one: end for one, end in _read(path).items() if end > time.time()}
                replace_text(path, json.dumps(kept | {session_id: until}), mode=0o600)


def _read(path: Path) -> dict[str, float]:
    """Return the stored sessions; a damaged file counts as empty: the cookies still expire."""
    try:
        return {one: float(end) for one, end in (read_json(path) or {}).items()}
    except (ValueError, TypeError):
        return {}

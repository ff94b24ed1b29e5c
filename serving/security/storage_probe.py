"""Whether the data folder can be written: without it no answer can be recorded, so the service is not ready."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

_SECONDS = 5.0
_PROBE = bytes(4_096)


class StorageProbe:
    """Writes a small file at most every few seconds, and remembers whether that worked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: tuple[float, bool] | None = None

    def is_writable(self, now: float) -> bool:
        """Return whether a block could be written, as of a few seconds before ``now`` (monotonic seconds)."""
        if self._known is None or now - self._known[0] > _SECONDS:
            self._known = (now, self._write())
        return self._known[1]

    def _write(self) -> bool:
        path = self._folder / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            path.write_bytes(_PROBE)
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return True

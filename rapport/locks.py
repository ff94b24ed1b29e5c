"""Exclusive locks between processes; a lock is released when its process ends, for whatever reason."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from rapport.errors import BusyError
from rapport.progress import Progress, no_progress

TIMEOUT_SECONDS = 3600.0
_POLL_SECONDS = 0.2


@contextmanager
def exclusive(
    folder: Path,
    name: str,
    activity: str,
    *,
    now: datetime,
    timeout: float = TIMEOUT_SECONDS,
    progress: Progress = no_progress,
) -> Iterator[None]:
    """Wait for the lock ``name`` in ``folder`` and hold it; BusyError names the holder after ``timeout`` seconds."""
    path = folder / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        deadline = time.monotonic() + timeout
        while not _acquired(lock):
            holder = _holder(lock)
            if time.monotonic() > deadline:
                raise BusyError(
                    f"{folder}: another run has not finished {holder}; waited {timeout / 60:.0f} minutes for it, and "
                    "wrote nothing. If that process hangs, end it (nothing is left half-written), then run this again."
                )
            progress(f"waiting for another run: {holder}", 0.0)
            time.sleep(_POLL_SECONDS)
        lock.truncate(0)
        lock.write(f"{activity} (process {os.getpid()}, since {now:%Y-%m-%d %H:%M})")
        lock.flush()
        yield


def _acquired(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read() or "its work"

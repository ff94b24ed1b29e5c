"""One run at a time where two would write over each other; the lock goes when its process does, however it ends."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from rapport.errors import BusyError

PATIENCE_SECONDS = 3600.0
_LOOKED_AGAIN_SECONDS = 0.2
Progress = Callable[[str, float], None]


def _silent(message: str, share: float) -> None:
    """Show no progress."""


@contextmanager
def alone(
    home: Path,
    name: str,
    doing: str,
    *,
    now: datetime,
    patience: float = PATIENCE_SECONDS,
    progress: Progress = _silent,
) -> Iterator[None]:
    """Wait until no other run holds ``name`` in ``home`` and hold it; BusyError names whoever does not let go."""
    place = home / "locks" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("a+", encoding="utf-8") as lock:
        until = time.monotonic() + patience
        while not _held(lock):
            holder = _holder(lock)
            if time.monotonic() > until:
                raise BusyError(
                    f"{home}: another run has not finished {holder}; waited {patience / 60:.0f} minutes for it, and "
                    "wrote nothing. If that process hangs, end it (nothing of it is half there), then run this again."
                )
            progress(f"waiting for another run: {holder}", 0.0)
            time.sleep(_LOOKED_AGAIN_SECONDS)
        lock.truncate(0)
        lock.write(f"{doing} (process {os.getpid()}, since {now:%Y-%m-%d %H:%M})")
        lock.flush()
        yield


def _held(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read() or "its work"

"""What killed runs leave behind: cleared by a later run, once it is too old to be anyone's work."""

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

OLD = timedelta(days=1)


def clear_leftovers(found: Iterable[Path], now: datetime) -> int:
    """Remove parts and folders that were last written a day ago or earlier; return how many."""
    cleared = 0
    for path in found:
        if now.timestamp() - _written(path) < OLD.total_seconds():
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        cleared += 1
    return cleared


def _written(path: Path) -> float:
    """Return when anything in it was last written; one that another run has just removed counts as new."""
    try:
        return max(each.stat().st_mtime for each in (path, *path.rglob("*")))
    except FileNotFoundError:
        return float("inf")

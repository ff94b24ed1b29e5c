"""Removes what is older than the company's retention period: files of a day, feedback, finished tasks and alerts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from rapport.serving.privacy.databases import remove_rows_before, stores

# Each of these files holds one day, which is its name.
_BY_DAY = ("scores/*/history/*.parquet", "scores/*/facts/*.parquet", "scores/*/tiers/*.parquet", "audit/*.jsonl")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def expired(data_dir: Path, days: int, today: date) -> list[Path]:
    """Return the files of days before the retention period, oldest first; the run that answers is not among them."""
    oldest = (today - timedelta(days=days)).isoformat()
    found = [path for pattern in _BY_DAY for path in data_dir.glob(pattern) if _DAY.fullmatch(path.stem)]
    return sorted((path for path in found if path.stem < oldest), key=lambda path: (path.stem, path))


def remove_expired(data_dir: Path, days: int, today: date, *, dry_run: bool = False) -> dict[str, int]:
    """Remove the expired files and rows (with ``dry_run``, none); return how many there were of each kind."""
    counts: dict[str, int] = {}
    for path in expired(data_dir, days, today):
        kind = path.parent.relative_to(data_dir).as_posix()
        counts[kind] = counts.get(kind, 0) + 1
        if not dry_run:
            path.unlink(missing_ok=True)
    oldest = (today - timedelta(days=days)).isoformat()
    rows = {path.name: remove_rows_before(path, oldest, dry_run=dry_run) for path in stores(data_dir)}
    return counts | {name: count for name, count in rows.items() if count}

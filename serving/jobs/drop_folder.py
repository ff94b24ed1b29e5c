"""A folder to drop files into: orders-0712.csv becomes events of orders; bad rows are kept beside the reason."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rapport.files import replace_text
from rapport.history.contract import FEATURE_TABLES
from rapport.serving.live.event_rows import plain
from rapport.serving.live.intake import EventIntake, SentEvent
from rapport.serving.snapshots.live_model import LiveModel

_AT_ONCE = 200
_SUFFIXES = (".csv", ".jsonl", ".parquet")
_TABLES = sorted((table.name for table in FEATURE_TABLES), key=len, reverse=True)
Row = Mapping[str, Any]


def take_files(folder: Path, intake: EventIntake, model: LiveModel | None, now: datetime) -> list[str]:
    """Store the rows of every complete file, and move it to ``done`` or ``failed``; return one line a file."""
    lines = []
    for path in sorted(path for path in folder.glob("*") if path.suffix in _SUFFIXES and not path.name.startswith(".")):
        table = next((name for name in _TABLES if path.name.startswith(name)), None)
        if table is None:
            lines.append(_reject_file(path, f"its name begins with no table of the contract ({', '.join(_TABLES)})"))
            continue
        try:
            lines.append(_take(path, table, intake, model, now))
        except (OSError, ValueError) as error:
            lines.append(_reject_file(path, str(error)))
    return lines


def _take(path: Path, table: str, intake: EventIntake, model: LiveModel | None, now: datetime) -> str:
    # The same file again holds the same events.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    events = [
        SentEvent(str(row.get("customer_id", "")), table, row, event_id=f"{digest}:{number}")
        for number, row in enumerate(_rows(path), 1)
    ]
    rejected: list[str] = []
    for first in range(0, len(events), _AT_ONCE):
        _, refused = intake.accept_each(events[first : first + _AT_ONCE], model, by="drop folder", now=now)
        rejected += [
            json.dumps({"row": dict(event.row or {}), "reason": reason}, ensure_ascii=False)
            for event, reason in refused
        ]
    if rejected:
        _move(path, "failed")
        replace_text(path.parent / "failed" / f"{path.name}.rejected.jsonl", "\n".join(rejected) + "\n")
        return f"{path.name}: {len(events) - len(rejected)} rows stored, {len(rejected)} rejected"
    _move(path, "done")
    return f"{path.name}: {len(events)} rows stored"


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".parquet":
        rows: list[Row] = [*pq.read_table(path).to_pylist()]
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for row in rows:
        yield {name: plain(value) for name, value in row.items() if value is not None and value != ""}


def _reject_file(path: Path, reason: str) -> str:
    moved = _move(path, "failed")
    replace_text(moved.with_name(f"{path.name}.reason.txt"), reason + "\n")
    return f"{path.name}: not read: {reason}"


def _move(path: Path, folder: str) -> Path:
    target = path.parent / folder / path.name
    target.parent.mkdir(exist_ok=True)
    return path.replace(target)

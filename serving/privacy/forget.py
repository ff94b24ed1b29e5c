"""Forgets customers: removes them from every store of a data folder, and keeps them away.

The suppression list is written first, so that no run or event brings a customer back in the meantime. Every step may be
repeated: a call that was killed is completed by the same call again. The receipt names customers by salted hash.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.files import replace_text
from rapport.history.sources.row_copies import COPIES
from rapport.locks import exclusive
from rapport.serving.jobs.bulk.job_store import FOLDER as BULK_JOBS
from rapport.serving.jobs.bulk.job_store import remove_all
from rapport.serving.privacy.databases import remove_rows_before, scrub_database, stores
from rapport.serving.privacy.run_files import read_table, scrub_table_file, scrub_target
from rapport.serving.privacy.scrubber import Scrubber, scrub_text, text_files
from rapport.suppression import SuppressionList

RECEIPTS, UPLOAD = "privacy", "upload"


def forget(data_dir: Path, customer_ids: Sequence[str], now: datetime) -> dict[str, Any]:
    """Remove customers from a data folder and return the receipt, which is stored in ``privacy/``."""
    ids = sorted(set(customer_ids))
    suppressed = SuppressionList(data_dir)
    names = {one: suppressed.pseudonym(one) for one in ids}
    scrubber = Scrubber(names)
    receipt_path = data_dir / RECEIPTS / f"receipt-{_digest(suppressed, ids)}.json"
    begun = {"customers": sorted(names.values()), "begun_at": now.isoformat(timespec="seconds"), "complete": False}
    if not receipt_path.is_file():
        replace_text(receipt_path, json.dumps(begun, indent=1))
    suppressed.add(ids)
    with _locked(data_dir, now):
        removed = _scrub(data_dir, scrubber, now)
    remaining = files_naming(data_dir, ids)
    stored = json.loads(receipt_path.read_text(encoding="utf-8"))
    for name, count in stored.get("removed", {}).items():
        removed[name] = removed.get(name, 0) + count
    receipt = {
        "customers": sorted(names.values()),
        "begun_at": stored["begun_at"],
        "finished_at": now.isoformat(timespec="seconds"),
        "removed": removed,
        "remaining": remaining,
        "complete": not remaining,
        "outside": "The source of the history, backups, a remote MLflow server and delivered files are not changed.",
    }
    replace_text(receipt_path, json.dumps(receipt, indent=1, ensure_ascii=False))
    return receipt


def unfinished(data_dir: Path) -> list[str]:
    """Return the receipts of calls that were killed before they were complete."""
    paths = sorted((data_dir / RECEIPTS).glob("receipt-*.json"))
    return [path.name for path in paths if not json.loads(path.read_text(encoding="utf-8"))["complete"]]


def _digest(suppressed: SuppressionList, ids: Sequence[str]) -> str:
    return suppressed.hash_of("\n".join(ids))[:16]


@contextmanager
def _locked(data_dir: Path, now: datetime) -> Iterator[None]:
    """Hold the locks of every target: no run is published in the meantime."""
    with ExitStack() as held:
        for root in _targets(data_dir):
            held.enter_context(exclusive(data_dir, f"scores-{root.name}", "forgetting customers", now=now))
        yield


def _targets(data_dir: Path) -> list[Path]:
    return sorted(path for path in (data_dir / "scores").glob("*") if path.is_dir())


def _remove_originals(folder: Path) -> int:
    """Remove files that the company has elsewhere, whatever their form: uploads, and rows of its database."""
    files = [path for path in folder.glob("*") if path.is_file()]
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


def _scrub(data_dir: Path, scrubber: Scrubber, now: datetime) -> dict[str, int]:
    removed: dict[str, int] = {}
    for root in _targets(data_dir):
        removed[f"scores/{root.name}"] = scrub_target(root, data_dir, scrubber, now)
    removed[BULK_JOBS] = remove_all(data_dir)
    removed[UPLOAD] = _remove_originals(data_dir / UPLOAD / "files")
    removed[COPIES] = _remove_originals(data_dir / COPIES)
    for path in stores(data_dir):
        removed[path.name] = scrub_database(path, scrubber)
    for path in text_files(data_dir):
        pseudonyms = path.parent.name == "audit"
        store = path.relative_to(data_dir).parts[0]
        removed[store] = removed.get(store, 0) + int(scrub_text(path, scrubber, pseudonyms=pseudonyms))
    for name in ("mlflow-artifacts", "unregistered"):
        tables = [path for suffix in ("parquet", "arrow") for path in data_dir.glob(f"{name}/**/*.{suffix}")]
        count = sum(scrub_table_file(path, scrubber) for path in sorted(tables))
        removed[name] = removed.get(name, 0) + count
    return {name: count for name, count in removed.items() if count}


def files_naming(data_dir: Path, customer_ids: Sequence[str]) -> list[str]:
    """Return the files that still name one of the customers, as whole values or as words of a text."""
    either = "|".join(re.escape(one) for one in sorted(customer_ids, key=len, reverse=True))
    whole, ids = re.compile(rf"(?<![\w-])(?:{either})(?![\w-])"), frozenset(customer_ids)
    # A short number is also a word of other texts.
    words = [one for one in customer_ids if len(one) >= 5 and not one.isdecimal()]
    paths = sorted(path for path in data_dir.rglob("*") if path.is_file() and "locks" not in path.parts)
    return [
        path.relative_to(data_dir).as_posix()
        for path in paths
        if any(value in ids or (words and whole.search(value)) for value in values_of(path))
    ]


def values_of(path: Path) -> Iterator[str]:
    """Return every text in a file, decoded by its format."""
    if path.suffix in (".arrow", ".parquet"):
        table = read_table(path)
        for field in table.schema:
            if pa.types.is_string(field.type) or pa.types.is_nested(field.type):
                yield from map(str, table.column(field.name).unique().to_pylist()
                               if pa.types.is_string(field.type) else table.column(field.name).to_pylist())  # fmt: skip
        yield str(table.schema.metadata or "")
    elif path.suffix == ".npy":
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind in "SU":
            yield from (one.decode() if isinstance(one, bytes) else str(one) for one in array.tolist())
    elif path.suffix == ".db":
        yield from _database_values(path)
    yield from _raw(path) if path.suffix not in (".arrow", ".parquet", ".npy") else ()


def _database_values(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in store.execute(f'SELECT * FROM "{name}"'):
                for value in row:
                    if isinstance(value, (str, bytes)):
                        yield value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _raw(path: Path) -> Iterator[str]:
    # Also the free pages and the log of a database; a running service may remove a log meanwhile.
    with suppress(FileNotFoundError):
        yield path.read_bytes().decode("utf-8", "replace")


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

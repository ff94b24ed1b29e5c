"""Forgets customers: removes them from every store of a data folder, and keeps them away.

The suppression list is written first, so that no run or event brings a customer back in the meantime. Every step may be
repeated: a call that was killed is completed by the same call again. The receipt names customers by salted hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.files import replace_text
from rapport.history.sources.row_copies import COPIES
from rapport.locks import exclusive
from rapport.serving.jobs.bulk.job_store import FOLDER as BULK_JOBS
from rapport.serving.jobs.bulk.job_store import remove_all
from rapport.serving.privacy.databases import scrub_database, stores
from rapport.serving.privacy.run_files import scrub_table_file, scrub_target
from rapport.serving.privacy.scrubber import Scrubber
from rapport.serving.privacy.search import files_naming
from rapport.serving.privacy.text_files import scrub_text, text_files
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

"""Scoring runs on disk: one complete folder for each run, and one pointer to the published run.

``scores/<target>/runs/<cutoff>-<random>/`` holds ``features.parquet`` and, memory-mapped by every worker,
``scores.arrow`` (rows sorted by customer_id), what pages show, and ``manifest.json``. ``scores/<target>/current.json``
names the published run; ``history/`` archives the scores of each cutoff as Parquet, ``facts/`` links to the features.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rapport.errors import ServingError
from rapport.files import atomic_write, link_or_copy, replace_text
from rapport.integrity import check_seal, seal
from rapport.serving.errors import NotReadyError
from rapport.serving.snapshots.customer_index import CustomerIndex
from rapport.serving.snapshots.row_reader import RowReader
from rapport.serving.snapshots.table_files import map_table, replace_table

KEPT_RUNS = 3
RUN_FORMAT = 2
"""Format 1 had ``features.arrow``, ``matrix.npy`` and ``events.arrow``; it is read as it is."""
_FEATURES_KEPT = timedelta(days=35)


@dataclass(frozen=True)
class Manifest:
    """Metadata of a run: its cutoff, the bundle that scored it, and the tables of the company's history."""

    target: str
    as_of: str
    scored_at: str
    version: str
    fingerprint: str
    rows: int
    present: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    format: int = 1


@dataclass(frozen=True)
class ScoringRun:
    """The folder of one run; its tables are opened on demand."""

    folder: Path
    manifest: Manifest

    def table(self, name: str) -> pa.Table | None:
        """Return one of the run's tables, memory-mapped but for the features; None if the run did not write it."""
        path = self.folder / f"{name}.arrow"
        if path.is_file():
            return map_table(path)
        compressed = path.with_suffix(".parquet")
        return pq.read_table(compressed, partitioning=None) if compressed.is_file() else None

    def customer_rows(self, name: str, row: int) -> list[dict[str, Any]]:
        """Return a table's rows of the customer in ``row``, without reading the rest."""
        if name not in self._by_customer:
            table, path = self.cached_table(name), self.folder / f"{name}.npy"
            self._by_customer[name] = (
                None
                if table is None or not path.is_file()
                # As a plain array: each slice of a memmap is a memmap, which takes longer than the reading.
                else (RowReader(table), np.asarray(np.load(path, mmap_mode="r")))
            )
        if (by_customer := self._by_customer[name]) is None:
            return []
        reader, starts = by_customer
        first, end = starts[row : row + 2].tolist()
        if first == end:
            # Even an empty slice takes long to read, and most customers have no row.
            return []
        rows, customer_id = reader.rows(range(first, end)), self.ids.id_of(row)
        # Rows of a customer who is not in the run lie between those of two who are.
        return [each for each in rows if each["customer_id"] == customer_id]

    def cached_table(self, name: str) -> pa.Table | None:
        """Return one of the run's tables, opened once."""
        if name not in self._opened:
            self._opened[name] = self.table(name)
        return self._opened[name]

    @cached_property
    def _opened(self) -> dict[str, pa.Table | None]:
        return {}

    @cached_property
    def _by_customer(self) -> dict[str, tuple[RowReader, npt.NDArray[np.int64]] | None]:
        return {}

    @cached_property
    def ids(self) -> CustomerIndex:
        """Return the index of the run's customers."""
        table = self.table("scores")
        if table is None:
            raise ServingError(f"{self.folder}: scores.arrow is missing; score the history again.")
        return CustomerIndex.of(table.column("customer_id"))


def write_run(
    data_dir: Path, manifest: Manifest, files: Mapping[str, bytes], write_tables: Callable[[Path], None]
) -> ScoringRun:
    """Write a complete run, then publish it; a killed run leaves the previous one published."""
    root = data_dir / "scores" / manifest.target
    stamp = manifest.scored_at.replace(":", "").replace("-", "").split(".")[0].split("+")[0]
    folder = _unused_folder(root / "runs", f"{manifest.as_of[:10]}-{stamp}")
    with atomic_write(folder) as part:
        part.mkdir(parents=True)
        for name, content in files.items():
            (part / name).write_bytes(content)
        write_tables(part)
        (part / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        seal(part, data_dir)
    # A past cutoff, scored to fill the history, must not answer for today.
    if manifest.as_of >= _published_cutoff(root):
        publish(data_dir, manifest.target, folder.name, at=manifest.scored_at, by="score")
    _prune_runs(root / "runs", keep=published_run_name(data_dir, manifest.target))
    return ScoringRun(folder, manifest)


def publish(data_dir: Path, target: str, name: str, *, at: str, by: str) -> None:
    """Let a complete run answer, and record since when."""
    root = data_dir / "scores" / target
    replace_text(root / "current.json", json.dumps({"run": name}))
    with (root / "publications.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"at": at, "run": name, "by": by}) + "\n")


def publications(data_dir: Path, target: str) -> list[dict[str, str]]:
    """Return which run answered since when, oldest first."""
    path = data_dir / "scores" / target / "publications.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def run_folders(data_dir: Path) -> list[Path]:
    """Return the folders of all complete runs of all targets, newest cutoff first."""
    found = [path.parent for path in data_dir.glob("scores/*/runs/*/manifest.json") if path.parent.name[0] != "."]
    return sorted(found, key=lambda folder: folder.name, reverse=True)


def stored_runs(data_dir: Path, target: str) -> list[ScoringRun]:
    """Return the complete runs on disk, oldest cutoff first."""
    root = data_dir / "scores" / target / "runs"
    folders = sorted(path for path in root.glob("*") if path.is_dir() and not path.name.startswith("."))
    return [read_run(folder) for folder in folders]


def published_run_name(data_dir: Path, target: str) -> str | None:
    """Return the name of the published run; None before the first."""
    path = data_dir / "scores" / target / "current.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["run"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path}: does not name a run; score the history again.") from error


def published_run(data_dir: Path, target: str) -> ScoringRun:
    """Return the published run; IntegrityError if it was changed since it was published."""
    name = published_run_name(data_dir, target)
    if name is None:
        raise NotReadyError(
            f"Nothing is scored for {target} yet; run: rapport score HISTORY --as-of DATE --target {target}"
        )
    folder = data_dir / "scores" / target / "runs" / name
    check_seal(folder, data_dir)
    return read_run(folder)


def read_run(folder: Path) -> ScoringRun:
    """Read a run's manifest; raises ServingError with its path if it is damaged."""
    path = folder / "manifest.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        found = Manifest(**{**stored, "present": tuple(stored["present"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path}: cannot be read; score the history again.") from error
    if found.format > RUN_FORMAT:
        raise ServingError(
            f"{path}: a newer Rapport wrote this run (format {found.format}; this one reads up to {RUN_FORMAT}). "
            "Install the newer version, or score the history again."
        )
    return ScoringRun(folder, found)


def archive_scores(data_dir: Path, run: ScoringRun, scores: pa.Table) -> None:
    """Archive the scores of one cutoff for good and its features for some weeks; a second run replaces the first."""
    root, day = data_dir / "scores" / run.manifest.target, run.manifest.as_of[:10]
    stamped = scores.replace_schema_metadata({b"manifest": json.dumps(asdict(run.manifest)).encode()})
    replace_table(root / "history" / f"{day}.parquet", stamped)
    with atomic_write(root / "facts" / f"{day}.parquet") as part:
        link_or_copy(run.folder / "features.parquet", part)
    _prune_features(root / "facts", date.fromisoformat(day))


def _prune_features(folder: Path, today: date) -> None:
    """Keep the features of the last weeks and of the first cutoff of each month: they need ten times the space."""
    months: set[str] = set()
    for path in sorted(folder.glob("[0-9]*.parquet")):
        first_of_month = path.stem[:7] not in months
        months.add(path.stem[:7])
        if not first_of_month and today - date.fromisoformat(path.stem) > _FEATURES_KEPT:
            path.unlink()


def archived_days(data_dir: Path, target: str) -> list[str]:
    """Return the cutoffs whose scores are archived, oldest first."""
    folder = data_dir / "scores" / target / "history"
    return sorted(path.stem for path in folder.glob("*.parquet") if not path.name.startswith("."))


def _published_cutoff(root: Path) -> str:
    """Return the cutoff of the published run; empty before the first, or when its folder is damaged."""
    try:
        name = json.loads((root / "current.json").read_text(encoding="utf-8"))["run"]
        return read_run(root / "runs" / name).manifest.as_of
    except (OSError, ValueError, KeyError):
        return ""


def _unused_folder(root: Path, name: str) -> Path:
    """Return a folder that does not exist yet, so that two simultaneous runs do not collide."""
    taken = {path.name for path in root.glob(f"{name}*")} if root.is_dir() else set()
    return root / next(one for one in (name, *(f"{name}.{n}" for n in range(1, 10_000))) if one not in taken)


def _prune_runs(root: Path, keep: str | None) -> None:
    # Names begin with the cutoff, so the newest cutoffs sort last.
    runs = sorted(path for path in root.iterdir() if not path.name.startswith(".") and path.name != keep)
    for old in runs[: -(KEPT_RUNS - 1)]:
        # A worker may still read it: on Linux, mapped files exist until they are unmapped.
        shutil.rmtree(old, ignore_errors=True)

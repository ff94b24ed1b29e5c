"""The night's work on disk: a whole folder for each run, and one pointer to the newest.

``scores/<target>/runs/<cutoff>-<random>/`` holds ``features.arrow`` and ``scores.arrow`` (rows sorted by customer_id,
memory-mapped by every worker), the extracts that pages need, and ``manifest.json``. ``scores/<target>/current.json``
names the run that answers; ``history/`` keeps one Parquet file of scores for each cutoff, ``facts/`` of features.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from rapport.serving.problem import NotReadyError

from rapport.errors import ServingError
from rapport.files import aside, replace_text

KEPT_RUNS = 3
_FACTS_KEPT = timedelta(days=35)
_ROWS_IN_A_GROUP = 8_192


@dataclass(frozen=True)
class Manifest:
    """What a run is: its cutoff, the bundle that scored it, and what the company's history had."""

    target: str
    as_of: str
    scored_at: str
    version: str
    fingerprint: str
    rows: int
    present: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One night's folder, read when asked."""

    folder: Path
    manifest: Manifest

    def table(self, name: str) -> pa.Table | None:
        """Return one of the run's tables, memory-mapped; None when the night did not write it."""
        path = self.folder / f"{name}.arrow"
        if not path.is_file():
            return None
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()

    def rows_of(self, name: str, row: int) -> list[dict[str, Any]]:
        """Return what a table holds of the customer in ``row``, without reading the rest."""
        table, path = self.kept(name), self.folder / f"{name}.npy"
        if table is None or not path.is_file():
            return []
        first, end = np.load(path, mmap_mode="r")[row : row + 2].tolist()
        rows: list[dict[str, Any]] = table.slice(first, end - first).to_pylist()
        return rows

    def kept(self, name: str) -> pa.Table | None:
        """Return one of the run's tables, opened once."""
        if name not in self._opened:
            self._opened[name] = self.table(name)
        return self._opened[name]

    @cached_property
    def _opened(self) -> dict[str, pa.Table | None]:
        return {}

    @cached_property
    def ids(self) -> Ids:
        """Return the index of the run's customers."""
        table = self.table("features")
        if table is None:
            raise ServingError(f"{self.folder}: features.arrow is missing; score the history again.")
        return Ids.of(table.column("customer_id").to_pylist())


@dataclass(frozen=True)
class Ids:
    """Sorted ids: a row number in microseconds, without a dictionary of a million strings in every worker."""

    sorted: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, ids: Sequence[str]) -> Ids:
        """Index ids that are sorted already."""
        return cls(np.array([one.encode() for one in ids], dtype=np.bytes_))

    def find(self, customer_id: str) -> int | None:
        """Return the row of a customer, or None."""
        wanted = customer_id.encode("utf-8", "surrogatepass")
        place = int(np.searchsorted(self.sorted, wanted)) if len(self.sorted) else 0
        found = place < len(self.sorted) and bytes(self.sorted[place]) == wanted
        return place if found else None


def write_run(home: Path, manifest: Manifest, tables: Mapping[str, pa.Table], files: Mapping[str, bytes]) -> Run:
    """Write a whole run, then let the pointer name it; a killed run leaves the last one in place."""
    root = home / "scores" / manifest.target
    stamp = manifest.scored_at.replace(":", "").replace("-", "").split(".")[0].split("+")[0]
    folder = _free(root / "runs", f"{manifest.as_of[:10]}-{stamp}")
    with aside(folder) as part:
        part.mkdir(parents=True)
        for name, table in tables.items():
            _write_arrow(part / f"{name}.arrow", table)
        for name, content in files.items():
            (part / name).write_bytes(content)
        (part / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    # A cutoff of the past, scored to fill the history, must not answer for today.
    if manifest.as_of >= _answering(root):
        replace_text(root / "current.json", json.dumps({"run": folder.name}))
    _forget(root / "runs", keep=pointer(home, manifest.target))
    return Run(folder, manifest)


def pointer(home: Path, target: str) -> str | None:
    """Return the name of the run that answers; None before the first."""
    path = home / "scores" / target / "current.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["run"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path}: does not name a run; score the history again.") from error


def current_run(home: Path, target: str) -> Run:
    """Return the run that the pointer names."""
    name = pointer(home, target)
    if name is None:
        raise NotReadyError(
            f"Nothing is scored for {target} yet; run: rapport score HISTORY --as-of DATE --target {target}"
        )
    return read_run(home / "scores" / target / "runs" / name)


def read_run(folder: Path) -> Run:
    """Read a run's manifest; a damaged one is refused by name."""
    path = folder / "manifest.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Run(folder, Manifest(**{**stored, "present": tuple(stored["present"])}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path}: cannot be read; score the history again.") from error


def keep_night(home: Path, manifest: Manifest, scores: pa.Table, features: pa.Table) -> None:
    """Keep the scores of one cutoff for good and its facts for a while; a second run of a cutoff replaces the first."""
    root, day = home / "scores" / manifest.target, manifest.as_of[:10]
    stamped = scores.replace_schema_metadata({b"manifest": json.dumps(asdict(manifest)).encode()})
    for folder, table in (("facts", features), ("history", stamped)):
        with aside(root / folder / f"{day}.parquet") as part:
            # Small groups: one customer is found by reading one of them.
            pq.write_table(table, part, compression="zstd", row_group_size=_ROWS_IN_A_GROUP)
    _forget_facts(root / "facts", date.fromisoformat(day))


def _forget_facts(folder: Path, today: date) -> None:
    """Keep the facts of the last weeks and of the first cutoff of each month: they weigh ten times their scores."""
    months: set[str] = set()
    for path in sorted(folder.glob("[0-9]*.parquet")):
        first_of_month = path.stem[:7] not in months
        months.add(path.stem[:7])
        if not first_of_month and today - date.fromisoformat(path.stem) > _FACTS_KEPT:
            path.unlink()


def kept_days(home: Path, target: str) -> list[str]:
    """Return the cutoffs whose scores are kept, oldest first."""
    folder = home / "scores" / target / "history"
    return sorted(path.stem for path in folder.glob("*.parquet") if not path.name.startswith("."))


def places(snapshot: pa.Table, beside: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Return, for each table sorted by customer, where the rows of each row of the snapshot begin (as .npy files)."""
    ids = Ids.of(snapshot.column("customer_id").to_pylist()).sorted
    found = {}
    for name, table in beside.items():
        theirs = Ids.of(table.column("customer_id").to_pylist()).sorted
        starts = np.searchsorted(theirs, ids, side="left") if len(theirs) else np.zeros(len(ids), dtype=np.int64)
        ends = (
            np.searchsorted(theirs, ids[-1:], side="right") if len(theirs) else np.zeros(len(ids[-1:]), dtype=np.int64)
        )
        found[f"{name}.npy"] = npy(np.concatenate([starts, ends]).astype(np.int64))
    return found


def npy(values: npt.NDArray[Any]) -> bytes:
    """Return the array as a file that workers can map."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def replace_arrow(path: Path, table: pa.Table) -> None:
    """Write a table in one step."""
    with aside(path) as part:
        _write_arrow(part, table)


def _write_arrow(path: Path, table: pa.Table) -> None:
    whole = table.combine_chunks()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, whole.schema) as writer:
        writer.write_table(whole)


def _answering(root: Path) -> str:
    """Return the cutoff that answers now; empty before the first, or when its folder is damaged."""
    try:
        name = json.loads((root / "current.json").read_text(encoding="utf-8"))["run"]
        return read_run(root / "runs" / name).manifest.as_of
    except (OSError, ValueError, KeyError):
        return ""


def _free(root: Path, name: str) -> Path:
    """Return a folder name that is not taken, so that two nights at once do not meet."""
    taken = {path.name for path in root.glob(f"{name}*")} if root.is_dir() else set()
    return root / next(one for one in (name, *(f"{name}.{n}" for n in range(1, 10_000))) if one not in taken)


def _forget(root: Path, keep: str | None) -> None:
    # Names begin with the cutoff, so the newest cutoffs come last.
    runs = sorted(path for path in root.iterdir() if not path.name.startswith(".") and path.name != keep)
    for old in runs[: -(KEPT_RUNS - 1)]:
        # A worker may still read it: on Linux its mapped files live until it lets go.
        shutil.rmtree(old, ignore_errors=True)

"""Removes customers from scoring runs and archives: a run is written again without them, and takes the old one's place.

The new folder has another name, so that every worker loads it, and a tombstone in its manifest: when, and how many.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rapport.files import atomic_write, replace_text
from rapport.integrity import SEAL, seal
from rapport.scoring.models.stored_matrix import LAYOUT, without_rows
from rapport.serving.privacy.scrubber import Scrubber
from rapport.serving.snapshots.contract_rows import share_rows
from rapport.serving.snapshots.customer_index import npy_bytes
from rapport.serving.snapshots.store import ScoringRun, publish, published_run_name, read_run, run_folders
from rapport.serving.snapshots.table_files import map_table, replace_table

TOMBSTONE = "forgotten"
_TABLES = (".arrow", ".parquet")


def scrub_target(root: Path, data_dir: Path, scrubber: Scrubber, now: datetime) -> int:
    """Remove the customers from the runs and archives of one target; return how many files were written again."""
    count = 0
    folders = [path.parent for path in sorted(root.glob("runs/*/manifest.json")) if path.parent.name[0] != "."]
    replaced = {one["run"] for folder in folders for one in read_run(folder).manifest.facts.get(TOMBSTONE, ())}
    for folder in folders:
        if folder.name in replaced:
            # An earlier call was killed between writing the new folder and removing this one.
            _retire(folder, _successor(folder, folders), data_dir, now)
        elif _has(folder, scrubber):
            _retire(folder, _rewritten(ScoringRun(folder, read_run(folder).manifest), data_dir, scrubber, now),
                    data_dir, now)  # fmt: skip
            count += 1
    return count + sum(scrub_table_file(path, scrubber) for path in archives(root))


def archives(root: Path) -> list[Path]:
    """Return the tables of one target that no run's folder holds."""
    found = [*root.glob("*/*.parquet"), *root.glob("*.arrow"), *root.glob("*.parquet")]
    return sorted(path for path in found if not path.name.startswith("."))


def read_table(path: Path) -> pa.Table:
    """Read an Arrow or Parquet file into memory."""
    if path.suffix == ".parquet":
        return pq.read_table(path, partitioning=None)
    return map_table(path)


def _tables(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in _TABLES]


def _has(folder: Path, scrubber: Scrubber) -> bool:
    return any(scrubber.table(table := read_table(path)) is not table for path in _tables(folder))


def scrub_table_file(path: Path, scrubber: Scrubber) -> bool:
    """Remove the customers from a Parquet or Arrow file; return whether it named any."""
    table = read_table(path)
    cleaned = scrubber.table(table)
    if cleaned is table:
        return False
    replace_table(path, cleaned)
    return True


def _rewritten(run: ScoringRun, data_dir: Path, scrubber: Scrubber, now: datetime) -> Path:
    """Write the run again without the customers, beside the old one; return the new folder."""
    folder = next(path for n in range(1, 10_000) if not (path := run.folder.with_name(f"{_stem(run)}.f{n}")).exists())
    removed_rows = {
        name: _rows_of(ids, scrubber) for name, ids in (("scores", run.ids.sorted), ("rows_ids", _row_ids(run)))
    }
    with atomic_write(folder) as part:
        part.mkdir(parents=True)
        for path in sorted(run.folder.iterdir()):
            if path.name != SEAL and not path.name.startswith("."):
                _write_file(path, part / path.name, scrubber, removed_rows)
        share_rows(part, run_folders(data_dir))
        stone = {"run": run.folder.name, "at": now.isoformat(timespec="seconds"), "customers": len(scrubber.ids)}
        facts = {**run.manifest.facts, TOMBSTONE: [*run.manifest.facts.get(TOMBSTONE, ()), stone]}
        manifest = replace(run.manifest, rows=run.manifest.rows - len(removed_rows["scores"]), facts=facts)
        (part / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
        seal(part, data_dir)
    return folder


def _stem(run: ScoringRun) -> str:
    head, _, number = run.folder.name.rpartition(".f")
    return head if head and number.isdecimal() else run.folder.name


def _rows_of(ids: npt.NDArray[np.bytes_], scrubber: Scrubber) -> list[int]:
    wanted = np.array(sorted(one.encode() for one in scrubber.ids), dtype=np.bytes_)
    found: list[int] = np.flatnonzero(np.isin(ids, wanted)).tolist()
    return found


def _row_ids(run: ScoringRun) -> npt.NDArray[np.bytes_]:
    path = run.folder / "rows_ids.npy"
    return np.load(path) if path.is_file() else np.array([], dtype="S1")


def _write_file(source: Path, target: Path, scrubber: Scrubber, removed_rows: dict[str, list[int]]) -> None:
    if source.suffix in _TABLES:
        replace_table(target, scrubber.table(read_table(source)))
    elif source.suffix == ".npy":
        rows = removed_rows["rows_ids" if source.name.startswith("rows_") else "scores"]
        target.write_bytes(npy_bytes(_array(source, rows)))
    elif source.name == LAYOUT:
        target.write_text(
            without_rows(source.read_text(encoding="utf-8"), len(removed_rows["scores"])), encoding="utf-8"
        )
    elif source.suffix == ".json":
        content = source.read_text(encoding="utf-8")
        target.write_text(scrubber.stored_text(content) or "{}" if scrubber.may_be_in(content.encode()) else content,
                          encoding="utf-8")  # fmt: skip
    else:
        shutil.copyfile(source, target)


def _array(source: Path, rows: list[int]) -> npt.NDArray[np.generic]:
    """Return an array without some customers: values by row, or the offsets of each customer's rows."""
    values: npt.NDArray[np.generic] = np.load(source)
    if source.name.startswith("matrix") or source.name == "rows_ids.npy":
        return np.delete(values, rows, axis=0)
    counts = np.delete(np.diff(values), rows)
    first = values[:1]
    return np.concatenate([first, first + np.cumsum(counts)]).astype(values.dtype)


def _successor(folder: Path, folders: list[Path]) -> Path:
    return next(
        one
        for one in folders
        if folder.name in {stone["run"] for stone in read_run(one).manifest.facts.get(TOMBSTONE, ())}
    )


def _retire(old: Path, new: Path, data_dir: Path, now: datetime) -> None:
    """Let the new folder answer where the old one did, and remove the old one."""
    target, root = old.parent.parent.name, old.parent.parent
    log = root / "publications.jsonl"
    if log.is_file():
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        lines = [{**line, "run": new.name} if line["run"] == old.name else line for line in lines]
        replace_text(log, "".join(json.dumps(line) + "\n" for line in lines))
    if published_run_name(data_dir, target) == old.name:
        publish(data_dir, target, new.name, at=now.isoformat(timespec="seconds"), by="forget")
    shutil.rmtree(old)


def rows_about(path: Path, customer_id: str) -> list[dict[str, object]]:
    """Return a table's rows that name a customer in any column of text."""
    table = read_table(path)
    hit = np.zeros(table.num_rows, dtype=bool)
    for name in table.column_names:
        if pa.types.is_string(table.schema.field(name).type):
            hit |= pc.fill_null(pc.equal(table.column(name), customer_id), False).to_numpy()
    rows: list[dict[str, object]] = table.filter(pa.array(hit)).to_pylist()
    return rows

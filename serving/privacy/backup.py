"""Backup and restore of a data folder: one archive with a digest of each file, consistent copies of the databases."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.errors import DataDirError
from rapport.files import atomic_write

MANIFEST = "backup.json"
_LEFT_OUT = frozenset({"locks", "bulk"})


def backup(data_dir: Path, path: Path, now: datetime) -> dict[str, Any]:
    """Write the whole data folder into one archive; return its manifest. The service may run meanwhile."""
    if not data_dir.is_dir():
        raise DataDirError(f"{data_dir}: there is no such data folder. Name it with --data-dir.")
    files: dict[str, str] = {}
    with atomic_write(path) as part, tempfile.TemporaryDirectory() as scratch, tarfile.open(part, "w:gz") as archive:
        for source in _files(data_dir, path):
            name = source.relative_to(data_dir).as_posix()
            copied = Path(scratch) / "file"
            _copy(source, copied)
            files[name] = hashlib.sha256(copied.read_bytes()).hexdigest()
            archive.add(copied, name)
        content = {"at": now.isoformat(timespec="seconds"), "files": files}
        (Path(scratch) / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")
        archive.add(Path(scratch) / MANIFEST, MANIFEST)
    return content


def restore(path: Path, data_dir: Path) -> dict[str, Any]:
    """Restore an archive into a data folder that does not exist yet; every file is compared with its digest first."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise DataDirError(f"{data_dir} is not empty. Restore into a new folder, then name it with --data-dir.")
    if data_dir.exists():
        data_dir.rmdir()
    try:
        with atomic_write(data_dir) as part, tarfile.open(path) as archive:
            archive.extractall(part, filter="data")
            content: dict[str, Any] = json.loads((part / MANIFEST).read_text(encoding="utf-8"))
            _check(part, content["files"], path)
            (part / MANIFEST).unlink()
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise DataDirError(f"{path}: is no complete backup ({type(error).__name__}). Use another one.") from error
    return content


def _check(folder: Path, files: dict[str, str], path: Path) -> None:
    for name, digest in files.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise DataDirError(f"{path}: {name} is damaged in this backup. Use another one.")


def _files(data_dir: Path, out: Path) -> list[Path]:
    found = [path for path in data_dir.rglob("*") if path.is_file() and path.resolve() != out.resolve()]
    return sorted(path for path in found if not _is_left_out(path.relative_to(data_dir)))


def _is_left_out(name: Path) -> bool:
    return bool(_LEFT_OUT & set(name.parts)) or name.name.endswith((".part", "-wal", "-shm"))


def _copy(source: Path, target: Path) -> None:
    """Copy a file; a database through its own backup, with what is still in its write-ahead log."""
    target.unlink(missing_ok=True)
    if source.suffix != ".db":
        shutil.copyfile(source, target)
        return
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as store,
        closing(sqlite3.connect(target)) as copy,
    ):
        store.backup(copy)

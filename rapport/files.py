"""Atomic writing of files, and removal of stale temporary files."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

Content = TypeVar("Content")
STALE_AFTER = timedelta(days=1)


def replace_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write ``text`` atomically: a reader sees the old or the new file, never a part."""
    replace_bytes(path, text.encode(), mode=mode)


def replace_bytes(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write ``content`` atomically: a reader sees the old or the new file, never a part."""
    with atomic_write(path, private=False) as part:
        # The mode is set before the first byte is written, so that a secret is never readable by others.
        part.touch(mode=mode)
        part.write_bytes(content)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object that a JSON file holds; None where there is none, or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class WatchedFile(Generic[Content]):
    """What a file holds, read again when it changed; ``missing`` while there is no file."""

    def __init__(self, path: Path, read: Callable[[Path], Content], missing: Content) -> None:
        self.path, self._name, self._read, self._missing = path, str(path), read, missing
        self._known: tuple[tuple[int, int], Content] | None = None

    def content(self) -> Content:
        """Return the content that the file has now."""
        try:
            # Every answer looks at three such files: a Path would double the time of a look.
            status = os.stat(self._name)  # noqa: PTH116
        except FileNotFoundError:
            self._known = None
            return self._missing
        stamp = (status.st_mtime_ns, status.st_ino)
        if self._known is None or self._known[0] != stamp:
            self._known = stamp, self._read(self.path)
        return self._known[1]


def shared_secret(folder: Path, name: str) -> bytes:
    """Return the random bytes that all workers share; the first call creates them."""
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    created = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
    try:
        created.touch(mode=0o600)
        created.write_bytes(secrets.token_bytes(32))
        # Creating a hard link is atomic: of two processes that start together one wins, and both read the same bytes.
        path.hardlink_to(created)
    except FileExistsError:
        pass
    finally:
        created.unlink(missing_ok=True)
    return path.read_bytes()


def private_file(path: Path) -> bool:
    """Create a file that only its owner reads, or close an existing one to others; return whether it was created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077 and os.access(path, os.W_OK):
            path.chmod(0o600)
        return False
    return True


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that nobody changes a second name, or a copy where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def atomic_write(path: Path, *, private: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success move what was written there into place.

    ``private`` files are readable by their owner only: everything in the data folder is about customers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        if private:
            _close_to_others(part)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _close_to_others(path: Path) -> None:
    path.chmod(0o700 if path.is_dir() else 0o600)
    if path.is_dir():
        for each in path.rglob("*"):
            each.chmod(0o700 if each.is_dir() else 0o600)


def _sync(path: Path) -> None:
    # Without fsync a power failure could leave an empty file at the final path.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_stale(paths: Iterable[Path], now: datetime) -> int:
    """Remove files and folders of killed runs, last written at least a day ago; return how many."""
    removed = 0
    for path in paths:
        if now.timestamp() - _last_written(path) < STALE_AFTER.total_seconds():
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        removed += 1
    return removed


def _last_written(path: Path) -> float:
    """Return the time of the last write in a file or folder; one that another run just removed counts as new."""
    try:
        return max(each.stat().st_mtime for each in (path, *path.rglob("*")))
    except FileNotFoundError:
        return float("inf")

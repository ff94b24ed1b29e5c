"""Files that are whole or not there: written aside, then moved into place."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write ``text`` so that a reader finds the old or the new file, never a part."""
    replace_bytes(path, text.encode(), mode=mode)


def replace_bytes(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write ``content`` so that a reader finds the old or the new file, never a part."""
    with aside(path) as part:
        # The mode is set before the first byte: a secret is never readable by others, not even for a moment.
        part.touch(mode=mode)
        part.write_bytes(content)


def secret_of(home: Path, name: str) -> bytes:
    """Return the random bytes that all workers of a home share; the first to ask makes them."""
    path = home / name
    home.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{name}.{secrets.token_hex(4)}.part")
    try:
        made.touch(mode=0o600)
        made.write_bytes(secrets.token_bytes(32))
        # A link is made or refused in one step: of two that start at once, one wins and both read the same.
        path.hardlink_to(made)
    except FileExistsError:
        pass
    finally:
        made.unlink(missing_ok=True)
    return path.read_bytes()


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Lend a path beside ``path``; move what was written there into place when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    # Without this a power cut could leave a moved but empty file.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Removes customers from the text files of a data folder: audit trail, alert file, artifacts of MLflow."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from rapport.files import replace_bytes
from rapport.serving.privacy.scrubber import Scrubber

_TEXT = frozenset({".json", ".jsonl", ".csv", ".txt", ".md", ".html", ".yaml", ".log"})


def text_files(data_dir: Path) -> list[Path]:
    """Return the text files that may name customers; sealed folders and settings of the program are not among them."""
    found = [*data_dir.glob("*.jsonl"), *data_dir.glob("audit/*.jsonl"), *data_dir.glob("events/**/*")]
    found += [*data_dir.glob("exports/**/*"), *data_dir.glob("mlflow-artifacts/**/*")]
    found += [*data_dir.glob("upload/**/*"), *data_dir.glob("unregistered/*/report/**/*")]
    return sorted(path for path in found if path.is_file() and path.suffix in _TEXT)


def scrub_text(path: Path, scrubber: Scrubber, *, pseudonyms: bool = False) -> bool:
    """Remove the customers from one file; with ``pseudonyms`` their entries stay, as in an audit trail."""
    with path.open("r+b") as file:
        # The service appends to its files under this lock, and keeps them open: they are rewritten in place.
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        if not scrubber.may_be_in(content):
            return False
        text = content.decode("utf-8", "surrogateescape")
        new = _lines(text, scrubber, pseudonyms=pseudonyms).encode("utf-8", "surrogateescape")
        if new == content:
            return False
        if path.suffix != ".jsonl":
            replace_bytes(path, new)
            return True
        file.seek(0)
        file.write(new)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    return True


def _lines(text: str, scrubber: Scrubber, *, pseudonyms: bool) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(filter(None, (_line(line, scrubber, pseudonyms=pseudonyms) for line in lines)))


def _line(line: str, scrubber: Scrubber, *, pseudonyms: bool) -> str | None:
    if not scrubber.may_be_in(line.encode("utf-8", "surrogateescape")):
        return line
    cleaned = scrubber.stored_text(line.rstrip("\n"), pseudonyms=pseudonyms)
    return None if cleaned is None else cleaned + ("\n" if line.endswith("\n") else "")

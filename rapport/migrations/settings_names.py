"""Replace the former names of settings in a ``rapport.toml``; comments and layout stay."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.errors import SettingsError
from rapport.files import replace_text
from rapport.history import Settings
from rapport.history.settings import CURRENT_NAMES

BACKUP_ENDING = ".former-names"
_TABLE = re.compile(r"\s*\[")


@dataclass(frozen=True)
class SettingsChange:
    """The names that were replaced in a settings file, or are proposed; ``written`` says which."""

    path: Path
    renamed: dict[str, str]
    proposal: str
    backup: Path
    written: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the values for programs."""
        return {
            "path": str(self.path),
            "renamed": self.renamed,
            "written": self.written,
            "backup": str(self.backup) if self.written else None,
            "proposal": self.proposal,
        }

    def as_text(self, *, check: bool) -> str:
        """Return the lines for people."""
        names = ", ".join(f"{former} → {current}" for former, current in self.renamed.items())
        if self.written:
            return f"{self.path}: renamed {names}. The former file is {self.backup}."
        why = "to be renamed" if check else "not written; rename by hand"
        return f"{self.path}: {why}: {names}.\n{self.proposal}".rstrip()


def migrate_settings(path: Path, *, check: bool) -> SettingsChange | None:
    """Rename in the file and keep the former one beside it; None if all names are current.

    A file that may not be written, or that does not mean the same after the replacement, is left as it is.
    """
    settings = Settings.read(path)
    # A link from elsewhere, such as a mounted configuration, stays a link.
    file = path.resolve()
    # Bytes, so that line endings stay as they are.
    text = file.read_bytes().decode("utf-8")
    used = tomllib.loads(text)
    renamed = {former: current for former, current in CURRENT_NAMES.items() if former in used}
    if not renamed:
        return None
    proposed = "".join(_with_current_names(text))
    backup = file.with_name(file.name + BACKUP_ENDING)
    proposal = "".join(
        difflib.unified_diff(
            text.splitlines(keepends=True), proposed.splitlines(keepends=True), str(path), str(path), n=0
        )
    )
    same = _is_same(proposed, settings)
    writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    written = same and writable and not check
    if written:
        mode = file.stat().st_mode & 0o777
        replace_text(backup, text, mode=mode)
        replace_text(file, proposed, mode=mode)
    return SettingsChange(path, renamed, proposal if same else "", backup, written)


def _with_current_names(text: str) -> Iterator[str]:
    """Yield the lines with current names: keys before the first table, and headers of tables."""
    in_table = False
    for line in text.splitlines(keepends=True):
        in_table = in_table or bool(_TABLE.match(line))
        yield _renamed_header(line) if in_table else _renamed_key(line)


def _renamed_key(line: str) -> str:
    return re.sub(r"""^(\s*["']?)(\w+)(?=["']?\s*[=.])""", _current, line)


def _renamed_header(line: str) -> str:
    return re.sub(r"""^(\s*\[\s*["']?)(\w+)(?=["']?\s*[.\]])""", _current, line)


def _current(found: re.Match[str]) -> str:
    return found[1] + CURRENT_NAMES.get(found[2], found[2])


def _is_same(proposed: str, settings: Settings) -> bool:
    """Say whether the proposed text holds the same settings under current names only."""
    try:
        written = tomllib.loads(proposed)
        return not CURRENT_NAMES.keys() & written.keys() and Settings.of(written) == settings
    except (tomllib.TOMLDecodeError, SettingsError):
        return False

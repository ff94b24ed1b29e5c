"""Run the migrations that a data folder and a settings file need, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.data_format import CURRENT_FORMAT, check_format, format_of, write_format
from rapport.locks import exclusive
from rapport.migrations.context import Context
from rapport.migrations.format_2 import migrate as to_format_2
from rapport.migrations.settings_names import SettingsChange, migrate_settings

# The lock of trainings and promotions: none of them may run during a migration.
LOCK = "models"
MIGRATIONS: Mapping[int, Callable[[Context], list[str]]] = {1: to_format_2}
"""The function that migrates from each former format to the next one; it returns what it changed."""


@dataclass(frozen=True)
class Step:
    """One migration with the changes that it made, or would make."""

    source: int
    target: int
    changes: tuple[str, ...]


@dataclass(frozen=True)
class MigrationResult:
    """What was changed, or would be; ``check`` means that nothing was written."""

    data_dir: Path
    found: int
    steps: tuple[Step, ...]
    settings: SettingsChange | None
    check: bool

    @property
    def is_current(self) -> bool:
        """Whether there was nothing to do."""
        return not self.steps and self.settings is None

    def as_dict(self) -> dict[str, Any]:
        """Return the values for programs."""
        return {
            "data_dir": str(self.data_dir),
            "format": self.found,
            "current_format": CURRENT_FORMAT,
            "check": self.check,
            "migrations": [
                {"from": step.source, "to": step.target, "changes": list(step.changes)} for step in self.steps
            ],
            "settings": None if self.settings is None else self.settings.as_dict(),
        }

    def as_text(self) -> str:
        """Return the lines for people."""
        if self.is_current and not self.data_dir.is_dir():
            return f"{self.data_dir} does not exist; nothing to migrate. Name the data folder with --data-dir."
        if self.is_current:
            return f"{self.data_dir} has the current format {CURRENT_FORMAT}; nothing to migrate."
        lines = []
        for step in self.steps:
            verb = "to be migrated" if self.check else "migrated"
            lines.append(f"{self.data_dir}: {verb} from format {step.source} to format {step.target}.")
            lines += [f"  {change}" for change in step.changes]
        if self.settings is not None:
            lines.append(self.settings.as_text(check=self.check))
        return "\n".join(lines)


def migrate(
    data_dir: Path, settings_file: Path | None, *, environ: Mapping[str, str], now: datetime, check: bool = False
) -> MigrationResult:
    """Migrate a data folder and a settings file; with ``check``, only list what would change.

    The format number is written after each step, and each step can be repeated: a run that was killed is completed by
    the next one.
    """
    check_format(data_dir)
    found = format_of(data_dir)
    steps: tuple[Step, ...] = ()
    if found < CURRENT_FORMAT:
        lock = exclusive(data_dir, LOCK, "migrating the data folder", now=now)
        with nullcontext() if check else lock:
            steps = tuple(_run(Context(data_dir, environ, check), found))
    changed = migrate_settings(settings_file, check=check) if settings_file is not None else None
    return MigrationResult(data_dir, found, steps, changed, check)


def _run(context: Context, found: int) -> list[Step]:
    # Another run may have migrated while this one waited for the lock.
    first = found if context.check else format_of(context.data_dir)
    steps = []
    for source in range(first, CURRENT_FORMAT):
        changes = MIGRATIONS[source](context)
        steps.append(Step(source, source + 1, tuple(changes)))
        if not context.check:
            write_format(context.data_dir, source + 1)
    return steps

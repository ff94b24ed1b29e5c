"""What a command reads: the settings, a history, the data folder and the clock."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapport.aliases import variable
from rapport.cli.terminal import err
from rapport.data_format import check_format
from rapport.errors import SettingsError
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History

SETTINGS_FILE = Path("rapport.toml")


def read_settings(path: Path | None) -> Settings:
    """Read the named file, else ``rapport.toml`` in the current folder, else use the defaults."""
    return Settings.read(path or (SETTINGS_FILE if SETTINGS_FILE.exists() else None))


def settings_and_data_dir(path: Path | None, data_dir: Path | None) -> tuple[Settings, Path]:
    """Return the settings and the data folder that a command works with."""
    settings = read_settings(path)
    return settings, resolve_data_dir(data_dir, settings)


def resolve_data_dir(option: Path | None, settings: Settings) -> Path:
    """Return the data folder; a note is printed if it has an older format, and a newer one is refused."""
    data_dir = locate_data_dir(option, settings)
    if note := check_format(data_dir):
        err.print(note, style="dim", markup=False)
    return data_dir


def locate_data_dir(option: Path | None, settings: Settings) -> Path:
    """Return the folder of models and scores: ``--data-dir``, else RAPPORT_DATA_DIR, else the settings."""
    return option or Path(variable(os.environ, "RAPPORT_DATA_DIR") or settings.data_dir)


@contextmanager
def open_history(source: str, settings: Settings, data_dir: Path | None = None) -> Iterator[History]:
    """Read a history without forgotten customers, print how many rows were rejected, and close it at the end."""
    from duckdb import OutOfMemoryException

    from rapport.history import read_history
    from rapport.history.suppressed_rows import leave_out_suppressed

    data_dir = data_dir or locate_data_dir(None, settings)
    try:
        with read_history(source, replace(settings, data_dir=str(data_dir))) as history:
            rejected = history.rejected.total
            if rejected:
                err.print(
                    f"[yellow]{rejected:,} rows were set aside[/]; `rapport check {source}` lists them with reasons.",
                    style="dim",
                )
            leave_out_suppressed(history, data_dir)
            yield history
    except OutOfMemoryException as error:
        raise SettingsError(
            f"memory_limit = {settings.memory_limit!r} is too little for the engine to work on {source}. "
            "Write more into rapport.toml, such as '4GB', or fewer `threads`."
        ) from error


def check_gates(
    history: History, as_of: datetime, *, what: str, force: bool, data_dir: Path | None = None, target: str = "churn"
) -> list[dict[str, Any]]:
    """Return what the gates found at a cutoff; RefusedRunError for a refusal that is not forced."""
    from rapport.history.checks.gates import Baseline, gate_facts, run_gates
    from rapport.scoring.models import model_store
    from rapport.scoring.models.bundle import Bundle
    from rapport.serving.snapshots.publication_gates import baseline_of, previous_run, refuse

    baseline = Baseline(now=current_time())
    if data_dir is not None:
        bundle = Bundle.load(model_store.champion(data_dir, target))
        baseline = baseline_of(bundle, previous_run(data_dir, target, as_of), current_time())
    findings = run_gates(history, as_of, baseline)
    if not force:
        refuse(findings, what)
    return gate_facts(findings)


def current_time() -> datetime:
    """Return the time at which a command runs; only the command line reads the clock."""
    return datetime.now().astimezone()


def user_name() -> str:
    """Return the name of the operating system's user who runs a command; empty where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def remove_leftovers(data_dir: Path, settings: Settings) -> None:
    """Remove what killed runs left in the data folder and in the folder of temporary files."""
    from rapport.files import remove_stale

    temp_dir = Path(settings.temp_dir or tempfile.gettempdir())
    parts = [*data_dir.glob("models/*/.*.part"), *data_dir.glob("scores/**/.*.part"), *data_dir.glob(".mlflow.db.*")]
    # The folder of a running server is as old as the server.
    ours = [path for path in temp_dir.glob("rapport-*") if not path.name.startswith("rapport-bento-")]
    remove_stale([*parts, *ours], current_time())

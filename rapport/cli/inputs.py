"""What a command asks of its surroundings: the clock, the user, the gates, and what killed runs left behind."""

from __future__ import annotations

import getpass
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rapport.history import History, Settings


def check_gates(
    history: History, as_of: datetime, *, what: str, force: bool, data_dir: Path | None = None, target: str = "churn"
) -> list[dict[str, object]]:
    """Return what the gates found at a cutoff; RefusedRunError for a refusal that is not forced."""
    from rapport.history.checks.gates import Baseline, gate_facts, run_gates
    from rapport.scoring.models.published import load_published
    from rapport.serving.snapshots.publication_gates import baseline_of, previous_run, refuse

    baseline = Baseline(now=current_time())
    if data_dir is not None:
        bundle = load_published(data_dir, target)
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

"""Models that were trained while MLflow could not be reached: kept in the data folder, registered later."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from mlflow.exceptions import MlflowException

from rapport.errors import RegistrationError

FOLDER = "unregistered"
BUNDLE, REPORT = "bundle", "report"
MLFLOW_ERRORS = (MlflowException, RegistrationError, OSError)
"""What an unreachable or full store raises; the HTTP errors of MLflow are OSErrors."""


def keep(draft: Path, data_dir: Path, target: str, error: Exception) -> RegistrationError:
    """Move a bundle with its report out of the temporary folder; return the error that says where it is."""
    folder = data_dir / FOLDER
    number = 1 + sum(1 for _ in kept_in(data_dir))
    while (kept := folder / f"{target}-{number}").exists():
        number += 1
    part = folder / f".{kept.name}.part"
    shutil.copytree(draft, part, dirs_exist_ok=True)
    part.replace(kept)
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return RegistrationError(
        f"The {target} model was trained but not registered, because MLflow failed ({reason}). It is kept in {kept}. "
        "When MLflow answers again, run: rapport models register"
    )


def kept_in(data_dir: Path) -> Iterator[Path]:
    """Yield the folders of the models that are kept, oldest first."""
    folder = data_dir / FOLDER
    found = [path for path in folder.iterdir() if (path / BUNDLE).is_dir()] if folder.is_dir() else []
    yield from sorted((path for path in found if not path.name.startswith(".")), key=lambda path: path.stat().st_mtime)

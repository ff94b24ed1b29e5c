"""Bundles as earlier versions described them: the former names of the evaluation and of the record."""

import json
from pathlib import Path
from typing import Any

from rapport.scoring.models.bundle_files import MAIN
from rapport.scoring.models.stored_names import EVALUATION_NAMES, PROVENANCE_NAMES


def with_former_names(stored: Any) -> Any:
    """Rename the sections of a ``bundle.json`` back, last rename first."""
    for section, renames in (("evaluation", EVALUATION_NAMES), ("record", PROVENANCE_NAMES)):
        for path, current in reversed(renames.items()):
            *parents, former = path.split(".")
            stored = _renamed_back(stored, [section, *parents], current, former)
    return stored


def _renamed_back(value: Any, parents: list[str], current: str, former: str) -> Any:
    if isinstance(value, list):
        return [_renamed_back(each, parents, current, former) for each in value]
    if not isinstance(value, dict):
        return value
    if not parents:
        return {former if name == current else name: each for name, each in value.items()}
    return {
        name: _renamed_back(each, parents[1:], current, former) if name == parents[0] else each
        for name, each in value.items()
    }


def rewrite_with_former_names(folder: Path) -> None:
    """Rewrite the description of a stored bundle as an earlier version wrote it."""
    path = folder / MAIN
    path.write_text(json.dumps(with_former_names(json.loads(path.read_text("utf-8")))), "utf-8")

"""The published bundles on disk: training puts them there, serving reads them, one small file names the champion.

``<home>/models/<target>/<version>/`` holds a bundle; ``<home>/models/<target>/champion.json`` names the champion and
all champions before it. Both appear whole or not at all: a reader never sees half of either.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.scoring.bundle_files import MAIN, read_json, write_through

from rapport.errors import BundleError

POINTER = "champion.json"


@dataclass(frozen=True)
class Reign:
    """One version's time as champion; ``by`` says what crowned it: "promote" or "rollback"."""

    version: str
    since: str
    by: str


def publish(bundle: Path, home: Path, target: str, version: str) -> Path:
    """Copy a bundle's folder onto the shelf under ``version``; a version is written once."""
    place = _target(home, target) / _plain(version)
    if place.exists():
        raise BundleError(f"{target} {version} is on the shelf already ({place}); a version is never written over.")
    if not (bundle / MAIN).is_file():
        raise BundleError(f"{bundle} holds no {MAIN}, so it is no bundle. Train a model, or name another folder.")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.parent / f".{place.name}.{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for file in sorted(bundle.iterdir()):
        if file.is_file():
            write_through(beside / file.name, file.read_text("utf-8"))
    beside.replace(place)
    return place


def crown(home: Path, target: str, version: str, at: datetime, *, by: str = "promote") -> Path:
    """Make a published version the champion; the ones before it stay in the history."""
    place = _target(home, target) / _plain(version)
    if not (place / MAIN).is_file():
        raise BundleError(
            f"{target} has no version {version} on the shelf. There: {', '.join(versions(home, target)) or 'none'}."
        )
    reigns = [*history(home, target), Reign(version, at.isoformat(), by)]
    _replace(_target(home, target) / POINTER, json.dumps([asdict(reign) for reign in reigns], indent=1))
    return place


def rollback(home: Path, target: str, at: datetime) -> str:
    """Crown the champion before the present one, and give its version."""
    reigns = history(home, target)
    before = next((version for version in _line(reigns) if version != reigns[-1].version), None)
    if before is None:
        raise BundleError(f"{target} had no champion before this one, so there is nothing to roll back to.")
    crown(home, target, before, at, by="rollback")
    return before


def champion(home: Path, target: str) -> Path:
    """Give the folder of the champion."""
    return _target(home, target) / champion_version(home, target)


def champion_version(home: Path, target: str) -> str:
    """Give the version of the champion."""
    reigns = history(home, target)
    if not reigns:
        raise BundleError(f"there is no {target} model in {home}. Train one: rapport train HISTORY --target {target}.")
    return reigns[-1].version


def history(home: Path, target: str) -> list[Reign]:
    """List all champions, the present one last."""
    pointer = _target(home, target) / POINTER
    if not pointer.is_file():
        return []
    try:
        return [Reign(**reign) for reign in json.loads(pointer.read_text("utf-8"))]
    except (json.JSONDecodeError, TypeError) as error:
        raise BundleError(f"{pointer} is not whole ({error}). Promote a version again.") from error


def versions(home: Path, target: str) -> list[str]:
    """List what is on the shelf, oldest version first."""
    folder = _target(home, target)
    found = [path.name for path in folder.iterdir() if (path / MAIN).is_file()] if folder.is_dir() else []
    return sorted((name for name in found if not name.startswith(".")), key=_order)


def targets(home: Path) -> list[str]:
    """List the targets that have a champion."""
    models = home / "models"
    return sorted(path.parent.name for path in models.glob(f"*/{POINTER}"))


def description(home: Path, target: str, version: str) -> dict[str, object]:
    """Read what a published bundle says of itself, without its trees."""
    if version not in versions(home, target):
        there = ", ".join(versions(home, target)) or "none yet"
        raise BundleError(f"{home}: there is no version {version} of {target}. There are: {there}.")
    return read_json(_target(home, target) / _plain(version) / MAIN)


def keep_matured(home: Path, target: str, version: str, bands: Sequence[Mapping[str, Any]]) -> None:
    """Keep what became of a version's predictions, by band of the score; a newer look at the same day replaces it."""
    if not bands:
        return
    kept = [band for band in matured(home, target, version) if band["as_of"] != bands[0]["as_of"]]
    newest_first = sorted([*kept, *map(dict, bands)], key=lambda band: str(band["as_of"]), reverse=True)
    _replace(_matured_path(home, target, version), json.dumps(newest_first))


def matured(home: Path, target: str, version: str) -> list[dict[str, Any]]:
    """Return what became of a version's predictions, newest day first: as_of, band, predicted, actual, count."""
    path = _matured_path(home, target, version)
    return list(json.loads(path.read_text("utf-8"))) if path.is_file() else []


def _matured_path(home: Path, target: str, version: str) -> Path:
    return _target(home, target) / f"matured-{_plain(version)}.json"


def _line(reigns: list[Reign]) -> Iterator[str]:
    """Walk back over the champions; what was rolled back is not rolled back to."""
    standing: list[str] = []
    for reign in reigns:
        if reign.by == "rollback" and reign.version in standing:
            del standing[standing.index(reign.version) + 1 :]
        else:
            standing = [*(version for version in standing if version != reign.version), reign.version]
    yield from reversed(standing)


def _target(home: Path, target: str) -> Path:
    return home / "models" / _plain(target)


def _plain(name: str) -> str:
    # A version comes from the command line or a request: it must not leave the shelf.
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0"):
        raise BundleError(
            f"“{name}” is no name for a target or version: letters, digits, '-', '_' and inner dots only."
        )
    return name


def _order(version: str) -> tuple[int, int, str]:
    return (0, int(version), "") if version.isdigit() else (1, 0, version)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    write_through(beside, text)
    beside.replace(path)

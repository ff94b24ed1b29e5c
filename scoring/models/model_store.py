"""The model store on disk: training publishes bundles, serving loads them, and one small file names the champion.

``<data_dir>/models/<target>/<version>/`` is a bundle; ``<data_dir>/models/<target>/champion.json`` lists the champion
and all champions before it. Both are written atomically, so a reader never sees an incomplete state.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rapport.data_format import mark_new
from rapport.errors import BundleError
from rapport.integrity import seal
from rapport.scoring.models.bundle_files import MAIN, read_json, write_through
from rapport.scoring.models.evaluation_record import MaturedBand
from rapport.scoring.models.stored_names import with_current_names

POINTER = "champion.json"
CHAMPION, CHALLENGER = "champion", "challenger"
TARGETS = ("churn", "conversion")


@dataclass(frozen=True)
class ChampionPeriod:
    """The period of one version as champion; ``by`` is what started it: "promote" or "rollback"."""

    version: str
    since: str
    by: str


def publish(bundle: Path, data_dir: Path, target: str, version: str) -> Path:
    """Copy a bundle's folder into the store under ``version``; a version is written once."""
    folder = _target(data_dir, target) / _valid_name(version)
    if folder.exists():
        raise BundleError(
            f"{target} {version} is already published ({folder}); a version is never overwritten. Use a new one."
        )
    if not (bundle / MAIN).is_file():
        raise BundleError(f"{bundle} has no {MAIN}, so it is not a bundle. Train a model, or give another folder.")
    mark_new(data_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for file in sorted(bundle.iterdir()):
        if file.is_file():
            write_through(beside / file.name, file.read_text("utf-8"))
    seal(beside, data_dir)
    beside.replace(folder)
    return folder


def set_champion(data_dir: Path, target: str, version: str, at: datetime, *, by: str = "promote") -> Path:
    """Make a published version the champion; the champions before it stay in the history."""
    folder = _target(data_dir, target) / _valid_name(version)
    if not (folder / MAIN).is_file():
        raise BundleError(
            f"{target} has no published version {version}."
            f" Published: {', '.join(versions(data_dir, target)) or 'none'}."
        )
    periods = [*history(data_dir, target), ChampionPeriod(version, at.isoformat(), by)]
    _replace(_target(data_dir, target) / POINTER, json.dumps([asdict(period) for period in periods], indent=1))
    return folder


def rollback(data_dir: Path, target: str, at: datetime) -> str:
    """Make the previous champion the champion again, and return its version."""
    periods = history(data_dir, target)
    before = next((version for version in _lineage(periods) if version != periods[-1].version), None)
    if before is None:
        raise BundleError(
            f"{target} had no champion before this one, so a rollback is not possible. Promote another version."
        )
    set_champion(data_dir, target, before, at, by="rollback")
    return before


def champion(data_dir: Path, target: str) -> Path:
    """Return the folder of the champion."""
    return _target(data_dir, target) / champion_version(data_dir, target)


def champion_version(data_dir: Path, target: str) -> str:
    """Return the version of the champion."""
    periods = history(data_dir, target)
    if not periods:
        raise BundleError(
            f"there is no {target} model in {data_dir}. Train one: rapport train HISTORY --target {target}."
        )
    return periods[-1].version


def history(data_dir: Path, target: str) -> list[ChampionPeriod]:
    """Return all champion periods, the current one last."""
    pointer = _target(data_dir, target) / POINTER
    if not pointer.is_file():
        return []
    try:
        return [ChampionPeriod(**period) for period in json.loads(pointer.read_text("utf-8"))]
    except (json.JSONDecodeError, TypeError) as error:
        raise BundleError(f"{pointer} is incomplete ({error}). Promote a version again.") from error


def versions(data_dir: Path, target: str) -> list[str]:
    """Return the published versions, oldest first."""
    folder = _target(data_dir, target)
    found = [path.name for path in folder.iterdir() if (path / MAIN).is_file()] if folder.is_dir() else []
    return sorted((name for name in found if not name.startswith(".")), key=_order)


def aliases_of(data_dir: Path, target: str) -> dict[str, str]:
    """Return the version behind each alias: the champion, and the newest version, which is never its own challenger."""
    periods, newest = history(data_dir, target), versions(data_dir, target)[-1:]
    found = {CHAMPION: periods[-1].version} if periods else {}
    if newest and newest[0] != found.get(CHAMPION):
        found[CHALLENGER] = newest[0]
    return found


def remove(data_dir: Path, target: str, version: str) -> None:
    """Remove a published version and its outcomes; one that was ever the champion stays."""
    if any(period.version == version for period in history(data_dir, target)):
        raise BundleError(f"{target} {version} was the champion: scores of the past are explained by it. Keep it.")
    shutil.rmtree(_target(data_dir, target) / _valid_name(version))
    _matured_path(data_dir, target, version).unlink(missing_ok=True)


def targets(data_dir: Path) -> list[str]:
    """Return the targets that have a champion."""
    models = data_dir / "models"
    return sorted(path.parent.name for path in models.glob(f"*/{POINTER}"))


def description(data_dir: Path, target: str, version: str) -> dict[str, object]:
    """Return the metadata of a published bundle, without its trees."""
    if version not in versions(data_dir, target):
        published = ", ".join(versions(data_dir, target)) or "none yet"
        raise BundleError(f"{data_dir}: {target} has no version {version}. Published: {published}.")
    return with_current_names(read_json(_target(data_dir, target) / _valid_name(version) / MAIN))


def keep_matured(data_dir: Path, target: str, version: str, bands: Sequence[Mapping[str, object]]) -> None:
    """Store the observed outcomes of a version's predictions by score band; a newer run of that day replaces them."""
    if not bands:
        return
    kept = [band for band in matured(data_dir, target, version) if band["as_of"] != bands[0]["as_of"]]
    newest_first = sorted([*kept, *map(dict, bands)], key=lambda band: str(band["as_of"]), reverse=True)
    _replace(_matured_path(data_dir, target, version), json.dumps(newest_first))


def matured(data_dir: Path, target: str, version: str) -> list[MaturedBand]:
    """Return the observed outcomes of a version's predictions, newest first: as_of, band, predicted, actual, count."""
    path = _matured_path(data_dir, target, version)
    return list(json.loads(path.read_text("utf-8"))) if path.is_file() else []


def _matured_path(data_dir: Path, target: str, version: str) -> Path:
    return _target(data_dir, target) / f"matured-{_valid_name(version)}.json"


def _lineage(periods: list[ChampionPeriod]) -> Iterator[str]:
    """Iterate over the champions from newest to oldest; a version that was rolled back is skipped."""
    lineage: list[str] = []
    for period in periods:
        if period.by == "rollback" and period.version in lineage:
            del lineage[lineage.index(period.version) + 1 :]
        else:
            lineage = [*(version for version in lineage if version != period.version), period.version]
    yield from reversed(lineage)


def _target(data_dir: Path, target: str) -> Path:
    return data_dir / "models" / _valid_name(target)


def _valid_name(name: str) -> str:
    # A version comes from the command line or a request: it must not point outside the store.
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0"):
        raise BundleError(
            f"“{name}” is not a name of a target or version: use letters, digits, '-', '_' and inner dots only."
        )
    return name


def _order(version: str) -> tuple[int, int, str]:
    return (0, int(version), "") if version.isdigit() else (1, 0, version)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    write_through(beside, text)
    beside.replace(path)

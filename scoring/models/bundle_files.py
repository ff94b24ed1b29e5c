"""The folder of a bundle: bundle.json and booster texts, each with a checksum; no pickle."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapport.errors import BundleError

FORMAT = 2
# What bundles of an earlier format lack; every bundle of the current one has them.
_ADDED_AFTER = {1: ("individual", "timing")}
MAIN = "bundle.json"


def write_folder(folder: Path, described: Mapping[str, object], files: Mapping[str, str]) -> Path:
    """Write the folder under a temporary name and rename it in one step."""
    if folder.exists() and any(folder.iterdir()):
        raise BundleError(f"{folder} is not empty; a bundle never overwrites another one. Choose a new folder.")
    digests = {name: _digest(text) for name, text in files.items()}
    main = json.dumps({"format": FORMAT, "files": digests, **described}, ensure_ascii=False, indent=1, allow_nan=False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.{os.getpid()}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for name, text in {**files, MAIN: main}.items():
        write_through(beside / name, text)
    beside.replace(folder)
    return folder


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what ``write_folder`` wrote; a damaged file is refused by name."""
    if not (folder / MAIN).is_file():
        raise BundleError(f"{folder} has no {MAIN}, so it is not a bundle. Train a model, or give another folder.")
    stored = read_json(folder / MAIN)
    found = stored.get("format")
    if found != FORMAT and found not in _ADDED_AFTER:
        newer = isinstance(found, int) and found > FORMAT
        repair = "Install the newer Rapport that wrote it, or train again." if newer else "Train again."
        raise BundleError(f"{folder} is a bundle of format {found}; this version reads format {FORMAT}. {repair}")
    files = stored.get("files")
    if not isinstance(files, dict):
        raise BundleError(f"{folder / MAIN} does not list its files. Publish the bundle again.")
    stored = dict.fromkeys(_ADDED_AFTER.get(found, ())) | stored
    return stored, {name: _checked(folder / name, digest) for name, digest in files.items()}


def write_through(path: Path, text: str) -> None:
    """Write a file and wait until it is on disk, so that a later rename never exposes an empty file."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        path.chmod(0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object; an incomplete file is refused by name."""
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is incomplete ({error}). Publish the bundle again.") from error
    if not isinstance(stored, dict):
        raise BundleError(f"{path} is not a JSON object. Publish the bundle again.")
    return stored


def _checked(path: Path, digest: str) -> str:
    if not path.is_file():
        raise BundleError(f"{path} is missing from the bundle. Publish the bundle again.")
    text = path.read_bytes().decode("utf-8", errors="replace")
    if _digest(text) != digest:
        raise BundleError(f"{path} was changed or cut short since it was written. Publish the bundle again.")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

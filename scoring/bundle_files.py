"""A bundle's folder: bundle.json and booster texts, each held to its checksum; no pickle."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rapport.errors import BundleError

FORMAT = 1
MAIN = "bundle.json"


def write_folder(folder: Path, described: Mapping[str, Any], files: Mapping[str, str]) -> Path:
    """Write the folder beside its place and move it there in one step."""
    if folder.exists() and any(folder.iterdir()):
        raise BundleError(f"{folder} is not empty; a bundle is never written over another. Choose a new folder.")
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
    """Read what ``write_folder`` wrote; a damaged file is refused by its name."""
    if not (folder / MAIN).is_file():
        raise BundleError(f"{folder} holds no {MAIN}, so it is no bundle. Train a model, or name another folder.")
    stored = read_json(folder / MAIN)
    if stored.get("format") != FORMAT:
        raise BundleError(
            f"{folder} is a bundle of format {stored.get('format')}; this program reads {FORMAT}. Train again."
        )
    files = stored.get("files")
    if not isinstance(files, dict):
        raise BundleError(f"{folder / MAIN} does not list its files. Publish the bundle again.")
    return stored, {name: _checked(folder / name, digest) for name, digest in files.items()}


def write_through(path: Path, text: str) -> None:
    """Write a file and wait until it is on the disk, so that a later rename never shows an empty one."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, or say which file is not whole."""
    try:
        stored = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is not whole ({error}). Publish the bundle again.") from error
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

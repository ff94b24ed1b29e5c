"""The format number of a data folder: which programs can read its files.

``format.json`` holds the number. A data folder without that file has format 1: the first format had no number.
``rapport migrate`` brings an older data folder to the current format.
"""

from __future__ import annotations

import json
from pathlib import Path

from rapport.errors import DataDirError
from rapport.files import replace_text

CURRENT_FORMAT = 2
FORMAT_FILE = "format.json"
_UNNUMBERED = 1
_DATA = ("models", "scores", "keys.json", "feedback.db", "alerts.db")


def format_of(data_dir: Path) -> int:
    """Return the format of a data folder; a folder without data has the current one."""
    path = data_dir / FORMAT_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["format"]
    except FileNotFoundError:
        return _UNNUMBERED if _has_data(data_dir) else CURRENT_FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error
    if type(stored) is not int or stored < _UNNUMBERED:
        raise _unreadable(path)
    return stored


def check_format(data_dir: Path) -> str | None:
    """Return a note if the data folder has an older format; DataDirError if a newer Rapport wrote it."""
    found = format_of(data_dir)
    if found > CURRENT_FORMAT:
        raise DataDirError(
            f"{data_dir} has format {found}, written by a newer Rapport; this one reads up to format {CURRENT_FORMAT}. "
            "Install the newer version, or name another data folder with --data-dir."
        )
    if found < CURRENT_FORMAT:
        return (
            f"{data_dir} has format {found} and is read as it is; `rapport migrate` brings it to format "
            f"{CURRENT_FORMAT}."
        )
    return None


def mark_new(data_dir: Path) -> None:
    """Write the current format into a data folder that has no data yet; call it before the first file is written."""
    if not _has_data(data_dir) and not (data_dir / FORMAT_FILE).exists():
        write_format(data_dir, CURRENT_FORMAT)


def write_format(data_dir: Path, number: int) -> None:
    """Write the format of a data folder."""
    replace_text(data_dir / FORMAT_FILE, json.dumps({"format": number}) + "\n")


def _has_data(data_dir: Path) -> bool:
    return any((data_dir / name).exists() for name in _DATA)


def _unreadable(path: Path) -> DataDirError:
    return DataDirError(
        f'{path} does not hold a format number such as {{"format": {CURRENT_FORMAT}}}. Restore it from a backup, or '
        "delete it and run `rapport migrate`."
    )

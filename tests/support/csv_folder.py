"""A folder of CSV files, as a company exports them."""

from collections.abc import Mapping
from pathlib import Path


def write_csv(folder: Path, files: Mapping[str, str]) -> Path:
    """Write each text under its name, with or without the ending."""
    for name, text in files.items():
        (folder / f"{name.removesuffix('.csv')}.csv").write_text(text, encoding="utf-8")
    return folder

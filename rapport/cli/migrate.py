"""``rapport migrate``: bring a data folder and a settings file of an earlier version to the current format."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.inputs import SETTINGS_FILE, current_time, locate_data_dir, read_settings
from rapport.cli.options import DataDir, Json, SettingsPath
from rapport.cli.terminal import print_report


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="List what would change, write nothing; exit code 1 if anything would.")
    ] = False,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Bring the data folder and rapport.toml of an earlier version to the current format."""
    from rapport.migrations import migrate as run_migrations

    path = settings or (SETTINGS_FILE if SETTINGS_FILE.exists() else None)
    folder = locate_data_dir(data_dir, read_settings(path))
    found = run_migrations(folder, path, environ=os.environ, now=current_time(), check=check)
    print_report(found, as_json=as_json)
    raise typer.Exit(1 if check and not found.is_current else 0)

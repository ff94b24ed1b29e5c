"""``rapport migrate``: bring a data folder and a settings file of an earlier version to the current format."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.workspace import Workspace


def migrate(
    workspace: Workspace,
    check: Annotated[
        bool, typer.Option("--check", help="List what would change, write nothing; exit code 1 if anything would.")
    ] = False,
) -> None:
    """Bring the data folder and rapport.toml of an earlier version to the current format."""
    from rapport.migrations import migrate as run_migrations

    found = run_migrations(
        workspace.location, workspace.settings_path, environ=os.environ, now=current_time(), check=check
    )
    workspace.print_report(found)
    raise typer.Exit(1 if check and not found.is_current else 0)

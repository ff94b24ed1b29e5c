"""``rapport models``: list the registered models and change the champion."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.options import HistorySource, Target, TargetName
from rapport.cli.terminal import progress
from rapport.cli.workspace import Commands, Workspace

app = Commands(help="List, show, promote, roll back, reproduce, register and remove models.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(help="The version, as `rapport models list` shows it.")]


@app.command(name="list")
def list_models(workspace: Workspace, target: Target = TargetName.churn) -> None:
    """List the versions of a model with their grade and metrics."""
    from rapport.training import list_models

    found = list_models(workspace.data_dir, target.value, environ=os.environ)
    workspace.print_report(found)


@app.command()
def show(workspace: Workspace, version: Version, target: Target = TargetName.churn) -> None:
    """Show everything recorded about one version."""
    from rapport.training import show_model

    found = show_model(workspace.data_dir, target.value, version, environ=os.environ)
    workspace.print_report(found)


@app.command()
def promote(
    workspace: Workspace,
    version: Version,
    target: Target = TargetName.churn,
    force: Annotated[bool, typer.Option("--force", help="Promote against the gate; this is recorded.")] = False,
) -> None:
    """Make a version the champion, if its grade and its metrics against the champion's allow it."""
    from rapport.training import promote as promote_version

    found = promote_version(
        workspace.data_dir, target.value, version, environ=os.environ, now=current_time(), force=force
    )
    workspace.print_report(found)


@app.command()
def reproduce(workspace: Workspace, source: HistorySource, version: Version, target: Target = TargetName.churn) -> None:
    """Train a version again from its record and compare the bundles byte by byte; exit code 1 if they differ."""
    from rapport.training import reproduce as reproduce_version

    with progress() as report:
        found = reproduce_version(source, workspace.data_dir, target.value, version, progress=report)
    workspace.print_report(found)
    raise typer.Exit(0 if found.as_dict()["same"] else 1)


@app.command()
def rollback(workspace: Workspace, target: Target = TargetName.churn) -> None:
    """Make the previous champion the champion again."""
    from rapport.training import rollback as restore_previous

    found = restore_previous(workspace.data_dir, target.value, environ=os.environ, now=current_time())
    workspace.print_report(found)


@app.command()
def register(workspace: Workspace) -> None:
    """Register in MLflow the models that were trained while it could not be reached, and correct its aliases."""
    from rapport.training import register_kept

    found = register_kept(workspace.data_dir, environ=os.environ, now=current_time())
    workspace.print_report(found)


@app.command()
def prune(
    workspace: Workspace,
    keep: Annotated[int, typer.Option("--keep", min=0, help="How many of the newest that never answered stay.")] = 5,
    target: Target = TargetName.churn,
) -> None:
    """Remove old versions that were never champion, with their runs, models and reports in MLflow."""
    from rapport.training import prune as remove_old

    found = remove_old(workspace.data_dir, target.value, keep, environ=os.environ, now=current_time())
    workspace.print_report(found)


@app.command()
def export(workspace: Workspace, version: Version, target: Target = TargetName.churn) -> None:
    """Copy a version into BentoML's model store, for those who list, export and push models with BentoML."""
    from rapport.serving.api.bento_models import export_to_bentoml

    found = export_to_bentoml(workspace.data_dir, target.value, version)
    workspace.print(dict(found), f"Exported as {found['tag']}: bentoml models get {found['tag']}")

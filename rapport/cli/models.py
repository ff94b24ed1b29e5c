"""``rapport models``: list the registered models and change the champion."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.inputs import current_time, settings_and_data_dir
from rapport.cli.options import DataDir, HistorySource, Json, SettingsPath, Target, TargetName
from rapport.cli.terminal import print_report, print_result, progress

app = typer.Typer(help="List, show, promote, reproduce, register and roll back models.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(help="The version, as `rapport models list` shows it.")]


@app.command(name="list")
def list_models(
    target: Target = TargetName.churn, data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """List the versions of a model with their grade and metrics."""
    from rapport.training import list_models

    _, folder = settings_and_data_dir(settings, data_dir)
    found = list_models(folder, target.value, environ=os.environ)
    print_report(found, as_json=as_json)


@app.command()
def show(
    version: Version,
    target: Target = TargetName.churn,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Show everything recorded about one version."""
    from rapport.training import show_model

    _, folder = settings_and_data_dir(settings, data_dir)
    found = show_model(folder, target.value, version, environ=os.environ)
    print_report(found, as_json=as_json)


@app.command()
def promote(
    version: Version,
    target: Target = TargetName.churn,
    force: Annotated[bool, typer.Option("--force", help="Promote against the gate; this is recorded.")] = False,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Make a version the champion, if its grade and its metrics against the champion's allow it."""
    from rapport.training import promote as promote_version

    _, folder = settings_and_data_dir(settings, data_dir)
    found = promote_version(folder, target.value, version, environ=os.environ, now=current_time(), force=force)
    print_report(found, as_json=as_json)


@app.command()
def reproduce(
    source: HistorySource,
    version: Version,
    target: Target = TargetName.churn,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Train a version again from its record and compare the bundles byte by byte; exit code 1 if they differ."""
    from rapport.training import reproduce as reproduce_version

    _, folder = settings_and_data_dir(settings, data_dir)
    with progress() as report:
        found = reproduce_version(source, folder, target.value, version, progress=report)
    print_report(found, as_json=as_json)
    raise typer.Exit(0 if found.as_dict()["same"] else 1)


@app.command()
def rollback(
    target: Target = TargetName.churn, data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """Make the previous champion the champion again."""
    from rapport.training import rollback as restore_previous

    _, folder = settings_and_data_dir(settings, data_dir)
    found = restore_previous(folder, target.value, environ=os.environ, now=current_time())
    print_report(found, as_json=as_json)


@app.command()
def register(data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Register in MLflow the models that were trained while it could not be reached, and correct its aliases."""
    from rapport.training import register_kept

    _, folder = settings_and_data_dir(settings, data_dir)
    found = register_kept(folder, environ=os.environ, now=current_time())
    print_report(found, as_json=as_json)


@app.command()
def export(
    version: Version,
    target: Target = TargetName.churn,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Copy a version into BentoML's model store, for those who list, export and push models with BentoML."""
    from rapport.serving.api.bento_models import export_to_bentoml

    _, folder = settings_and_data_dir(settings, data_dir)
    found = export_to_bentoml(folder, target.value, version)
    print_result(dict(found), f"Exported as {found['tag']}: bentoml models get {found['tag']}", as_json=as_json)

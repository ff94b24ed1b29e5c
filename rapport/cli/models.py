"""``rapport models``: what is registered, who is champion, and how that changes."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.options import Home, Target, TargetName, home_of
from rapport.cli.terminal import HistorySource, Json, SettingsPath, now, progress, settings_of, tell

app = typer.Typer(help="List, show, promote, repeat and roll back models.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(help="The version, as `rapport models list` shows it.")]


@app.command(name="list")
def list_models(
    target: Target = TargetName.churn, home: Home = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """List the versions of a model with their grade and figures."""
    from rapport.training import models_list

    found = models_list(home_of(home, settings_of(settings).home), target.value, environ=os.environ)
    tell(found.as_dict(), found.as_text(), as_json=as_json)


@app.command()
def show(
    version: Version,
    target: Target = TargetName.churn,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of one version."""
    from rapport.training import models_show

    found = models_show(home_of(home, settings_of(settings).home), target.value, version, environ=os.environ)
    tell(found.as_dict(), found.as_text(), as_json=as_json)


@app.command()
def promote(
    version: Version,
    target: Target = TargetName.churn,
    force: Annotated[bool, typer.Option("--force", help="Promote although the gate says no; it is recorded.")] = False,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Make a version champion, if its grade and its quality beside the champion's allow it."""
    from rapport.training import promote as crown

    found = crown(
        home_of(home, settings_of(settings).home), target.value, version, environ=os.environ, now=now(), force=force
    )
    tell(found.as_dict(), found.as_text(), as_json=as_json)


@app.command()
def repeat(
    source: HistorySource,
    version: Version,
    target: Target = TargetName.churn,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Train a version again from its record and say whether the same bundle comes out; exit code 1 if not."""
    from rapport.training import repeat as again

    place = home_of(home, settings_of(settings).home)
    with progress() as report:
        found = again(source, place, target.value, version, progress=report)
    tell(found.as_dict(), found.as_text(), as_json=as_json)
    raise typer.Exit(0 if found.as_dict()["same"] else 1)


@app.command()
def rollback(
    target: Target = TargetName.churn, home: Home = None, settings: SettingsPath = None, as_json: Json = False
) -> None:
    """Make the champion before this one champion again."""
    from rapport.training import rollback as back

    found = back(home_of(home, settings_of(settings).home), target.value, environ=os.environ, now=now())
    tell(found.as_dict(), found.as_text(), as_json=as_json)

"""``rapport keys``: who may call the service, and for what."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from rapport.cli.options import Home, home_of
from rapport.cli.terminal import Json, SettingsPath, now, settings_of, tell

app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What the key is called.")]


@app.command()
def add(
    name: Name,
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="read, score, feedback or admin; may repeat.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's customers are shown to the key.")] = None,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Make a key; its secret is shown this once and kept nowhere."""
    from rapport.serving.keys import KeyRing

    secret = KeyRing(home_of(home, settings_of(settings).home)).add(name, scopes or ["read"], now(), owner=owner)
    tell(
        {"name": name, "secret": secret}, f"Key {name}: {secret}\nKeep it now; it is not shown again.", as_json=as_json
    )


@app.command(name="list")
def list_keys(home: Home = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """List the keys; secrets are not kept, so not shown."""
    from rapport.serving.keys import KeyRing

    keys = KeyRing(home_of(home, settings_of(settings).home)).keys()
    lines = [
        f"{key.name}: {', '.join(key.scopes)}, made {key.made_at}, ends {key.expires_at or 'never'}" for key in keys
    ]
    shown = [{name: value for name, value in asdict(key).items() if name != "hash"} for key in keys]
    tell(
        {"keys": shown},
        "\n".join(lines) or "No keys yet. Make one: rapport keys add NAME --scope read",
        as_json=as_json,
    )


@app.command()
def rotate(
    name: Name,
    hours: Annotated[int, typer.Option(min=0, help="How long the old secret still works.")] = 24,
    home: Home = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Make a new secret for a key; the old one ends later, so that callers can change over."""
    from rapport.serving.keys import KeyRing

    moment = now()
    ring = KeyRing(home_of(home, settings_of(settings).home))
    secret = ring.rotate(name, moment, until=moment + timedelta(hours=hours))
    tell(
        {"name": name, "secret": secret},
        f"Key {name}: {secret}\nThe old secret ends in {hours} hours.",
        as_json=as_json,
    )


@app.command()
def revoke(name: Name, home: Home = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Forget every secret of a key at once."""
    from rapport.serving.keys import KeyRing

    KeyRing(home_of(home, settings_of(settings).home)).revoke(name)
    tell({"revoked": name}, f"Key {name} is revoked.", as_json=as_json)

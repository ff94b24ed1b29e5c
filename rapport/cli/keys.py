"""``rapport keys``: API keys of the service and their scopes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.inputs import current_time, read_settings, resolve_data_dir, settings_and_data_dir
from rapport.cli.options import DataDir, Json, SettingsPath
from rapport.cli.terminal import print_result
from rapport.errors import SettingsError

if TYPE_CHECKING:
    from rapport.serving.security.keys import KeyRing

app = typer.Typer(help="Add, list, rotate and revoke API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of the key.")]


@app.command()
def add(
    name: Name,
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="read, score, feedback, events, analyze or admin; may repeat.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Limit the key to the customers of this owner.")] = None,
    team: Annotated[
        list[str] | None, typer.Option(help="Limit the key to the customers of these owners; may repeat.")
    ] = None,
    person: Annotated[str, typer.Option(help="The person's name, which pages show.")] = "",
    role: Annotated[
        str,
        typer.Option(help="Scopes of a person: reader, owner (needs --owner), manager (needs --team), analyst, admin."),
    ] = "",
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Create a key; its secret is shown once and only its hash is stored."""
    from rapport.integrity import create_signing_key

    ring = _key_ring(data_dir, settings)
    if role and scopes:
        raise SettingsError("A role has its own scopes. Leave out --role or --scope.")
    if role:
        secret = ring.add_person(name, role, current_time(), owner=owner, team=team or (), person=person)
    else:
        secret = ring.add(name, scopes or ["read"], current_time(), owner=owner)
        ring.set_person(name, team=team or (), person=person)
    text = f"Key {name}: {secret}\nStore it now; it is not shown again."
    if create_signing_key(resolve_data_dir(data_dir, read_settings(settings))):
        text += "\nModels and scoring runs are signed from now on (signing.key in the data folder; keep a copy)."
    print_result({"name": name, "secret": secret}, text, as_json=as_json)


@app.command(name="list")
def list_keys(data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """List the keys without their secrets, which are not stored."""
    keys = _key_ring(data_dir, settings).keys()
    lines = [
        f"{key.name}: {key.role or ', '.join(key.scopes)}, made {key.made_at}, expires {key.expires_at or 'never'}"
        for key in keys
    ]
    shown = [{name: value for name, value in asdict(key).items() if name != "hash"} for key in keys]
    text = "\n".join(lines) or "No keys yet. Create one: rapport keys add NAME --scope read"
    print_result({"keys": shown}, text, as_json=as_json)


@app.command()
def rotate(
    name: Name,
    hours: Annotated[int, typer.Option(min=0, help="How many hours the old secret stays valid.")] = 24,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Create a new secret for a key; the old one expires later, so that callers can switch."""
    now = current_time()
    secret = _key_ring(data_dir, settings).rotate(name, now, until=now + timedelta(hours=hours))
    text = f"Key {name}: {secret}\nThe old secret expires in {hours} hours."
    print_result({"name": name, "secret": secret}, text, as_json=as_json)


@app.command()
def revoke(name: Name, data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Revoke every secret of a key at once."""
    _key_ring(data_dir, settings).revoke(name)
    print_result({"revoked": name}, f"Key {name} is revoked.", as_json=as_json)


@app.command()
def sign(data_dir: DataDir = None, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Sign every model and scoring run with the data folder's key, as after a restore of files that you trust."""
    from rapport.integrity import create_signing_key, sign_all

    _, folder = settings_and_data_dir(settings, data_dir)
    create_signing_key(folder)
    count = sign_all(folder)
    print_result({"signed": count}, f"Signed {count} models and scoring runs.", as_json=as_json)


def _key_ring(data_dir: Path | None, settings: Path | None) -> KeyRing:
    from rapport.serving.security.keys import KeyRing

    return KeyRing(resolve_data_dir(data_dir, read_settings(settings)))

"""``rapport keys``: API keys of the service and their scopes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.workspace import Commands, Workspace
from rapport.errors import SettingsError

if TYPE_CHECKING:
    from rapport.serving.security.keys import KeyRing

app = Commands(help="Add, list, rotate and revoke API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of the key.")]


@app.command()
def add(
    workspace: Workspace,
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
) -> None:
    """Create a key; its secret is shown once and only its hash is stored."""
    from rapport.integrity import create_signing_key

    ring = _key_ring(workspace)
    if role and scopes:
        raise SettingsError("A role has its own scopes. Leave out --role or --scope.")
    if role:
        secret = ring.add_person(name, role, current_time(), owner=owner, team=team or (), person=person)
    else:
        secret = ring.add(name, scopes or ["read"], current_time(), owner=owner)
        ring.set_person(name, team=team or (), person=person)
    text = f"Key {name}: {secret}\nStore it now; it is not shown again."
    if create_signing_key(workspace.data_dir):
        text += "\nModels and scoring runs are signed from now on (signing.key in the data folder; keep a copy)."
    workspace.print({"name": name, "secret": secret}, text)


@app.command(name="list")
def list_keys(workspace: Workspace) -> None:
    """List the keys without their secrets, which are not stored."""
    keys = _key_ring(workspace).keys()
    lines = [
        f"{key.name}: {key.role or ', '.join(key.scopes)}, made {key.made_at}, expires {key.expires_at or 'never'}"
        for key in keys
    ]
    shown = [{name: value for name, value in asdict(key).items() if name != "hash"} for key in keys]
    text = "\n".join(lines) or "No keys yet. Create one: rapport keys add NAME --scope read"
    workspace.print({"keys": shown}, text)


@app.command()
def rotate(
    workspace: Workspace,
    name: Name,
    hours: Annotated[int, typer.Option(min=0, help="How many hours the old secret stays valid.")] = 24,
) -> None:
    """Create a new secret for a key; the old one expires later, so that callers can switch."""
    now = current_time()
    secret = _key_ring(workspace).rotate(name, now, until=now + timedelta(hours=hours))
    text = f"Key {name}: {secret}\nThe old secret expires in {hours} hours."
    workspace.print({"name": name, "secret": secret}, text)


@app.command()
def revoke(workspace: Workspace, name: Name) -> None:
    """Revoke every secret of a key at once."""
    _key_ring(workspace).revoke(name)
    workspace.print({"revoked": name}, f"Key {name} is revoked.")


@app.command()
def sign(workspace: Workspace) -> None:
    """Sign every model and scoring run with the data folder's key, as after a restore of files that you trust."""
    from rapport.integrity import create_signing_key, sign_all

    create_signing_key(workspace.data_dir)
    count = sign_all(workspace.data_dir)
    workspace.print({"signed": count}, f"Signed {count} models and scoring runs.")


def _key_ring(workspace: Workspace) -> KeyRing:
    from rapport.serving.security.keys import KeyRing

    return KeyRing(workspace.data_dir)

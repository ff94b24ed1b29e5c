"""``rapport serve``: the HTTP service and the console."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.options import DataDir, SettingsPath
from rapport.cli.terminal import out


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each core.")] = None,
    keys: Annotated[
        bool | None, typer.Option("--keys/--no-keys", help="Require API keys (off only on loopback).")
    ] = None,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
) -> None:
    """Serve scores over HTTP, with the console at /."""
    from rapport.serving.environment import read_environment
    from rapport.serving.run import serve as run_server

    options: dict[str, object] = {
        "host": host,
        "port": port,
        "workers": workers,
        "keys": keys,
        "data_dir": data_dir,
        "settings": settings,
    }
    environment = read_environment(os.environ)
    environment = environment.model_copy(update={name: value for name, value in options.items() if value is not None})
    run_server(environment, os.environ, lambda message: out.print(message, markup=False))

"""``rapport worker`` follows events and delivers what changed; ``rapport webhooks`` shows and repeats deliveries."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.options import DataDir, SettingsPath
from rapport.cli.terminal import err, out
from rapport.cli.workspace import Commands, Workspace
from rapport.errors import DeliveryFailedError, ServingError

if TYPE_CHECKING:
    from rapport.serving.jobs.webhook_deliveries import WebhookDeliveries

app = Commands(help="Receivers of changes and alerts: their state, and what they missed.", no_args_is_help=True)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Do everything that is due once, and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between rounds.")] = 2.0,
    drop: Annotated[Path | None, typer.Option("--drop", help="Folder whose files become events.")] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="RAPPORT_DATABASE",
            help="PostgreSQL URL whose newly recorded rows become events.",
        ),
    ] = None,
    data_dir: DataDir = None,
    settings: SettingsPath = None,
) -> None:
    """Follow events, files and a database; deliver changes and alerts, and retry until they arrive."""
    from rapport.serving.jobs.worker import Worker, WorkerOptions

    workspace = Workspace(settings, data_dir_option=data_dir)
    running = Worker(workspace.data_dir, workspace.settings, os.environ, WorkerOptions(drop, database))
    while True:
        done = running.round(current_time())
        for line in done.lines:
            (err if done.failed else out).print(line, markup=False)
        if once:
            break
        time.sleep(every)
    if done.failed:
        raise DeliveryFailedError(f"{done.failed:,} deliveries failed. Everything is kept and sent again.")


@app.command(name="list")
def list_webhooks(workspace: Workspace) -> None:
    """Show each receiver: delivered, waiting, dead letters, and its last problem."""
    states = _deliveries(workspace).states()
    lines = [
        f"{one.name}: {one.delivered:,} delivered, {one.waiting:,} wait, {one.dead:,} dead letters"
        + (f"; last problem: {one.problem}" if one.problem else "")
        for one in states
    ]
    text = "\n".join(lines) or "No receiver had a message yet; [webhooks.NAME] in rapport.toml names one."
    workspace.print({"receivers": [vars(one) for one in states]}, text)


@app.command()
def replay(
    workspace: Workspace,
    name: Annotated[str, typer.Argument(help="The receiver.")],
    since: Annotated[int | None, typer.Option(help="All messages after this number; else the dead letters.")] = None,
) -> None:
    """Queue the dead letters of a receiver again, or all messages after a number; the worker sends them."""
    deliveries = _deliveries(workspace)
    known = [one.name for one in deliveries.states()]
    if name not in known:
        raise ServingError(f"No such receiver: {name}. Receivers: {', '.join(known) or 'none'}.")
    count = deliveries.replay(name, since=since)
    workspace.print({"queued": count}, f"{count:,} messages wait for the worker.")


def _deliveries(workspace: Workspace) -> WebhookDeliveries:
    from rapport.serving.jobs.webhook_deliveries import WebhookDeliveries
    from rapport.serving.live.change_store import ChangeStore

    changes = ChangeStore(workspace.data_dir, workspace.settings.change_points)
    return WebhookDeliveries(workspace.data_dir, changes)

"""``rapport digest``: send the digests, or show what they say."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rapport.cli.inputs import current_time
from rapport.cli.workspace import Workspace
from rapport.errors import DeliveryFailedError, SettingsError


def digest(
    workspace: Workspace,
    name: Annotated[
        str | None, typer.Argument(help="A receiver of rapport.toml, to send to now; else all due.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the digests, and send nothing.")] = False,
) -> None:
    """Send the digests that are due to the receivers in [digests.NAME], by e-mail or chat; each once a day or week."""
    from rapport.serving.jobs.digest_job import DigestJob

    now, job = current_time(), DigestJob(workspace.data_dir, workspace.settings, os.environ)
    chosen = [one for one in job.receivers if name in (None, one.name)]
    if not chosen:
        known = ", ".join(one.name for one in job.receivers) or "none; [digests.NAME] in rapport.toml names one"
        raise SettingsError(f"No such receiver of digests: {name or 'any'}. Receivers: {known}.")
    if dry_run:
        shown = {one.name: job.content(one, now) for one in chosen}
        text = "\n\n".join(f"{key}: {one.subject}\n\n{one.as_text()}" for key, one in shown.items())
        found = {key: {"subject": one.subject, "text": one.as_text()} for key, one in shown.items()}
        workspace.print({"digests": found}, text)
        return
    sent = [job.send_now(chosen[0], now)] if name else job.round(now)
    lines = [f"digest to {one.name}: {one.problem or 'sent'}" for one in sent]
    workspace.print({"sent": [vars(one) for one in sent]}, "\n".join(lines) or "No digest is due.")
    if failed := [one for one in sent if one.problem]:
        raise DeliveryFailedError(f"{len(failed):,} digests could not be delivered; they are sent again.")

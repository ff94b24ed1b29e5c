"""``rapport alerts``: try the alert rules on history before they are switched on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from rapport.cli.options import Active, Horizon
from rapport.cli.terminal import DATE_FORMATS, HistorySource, Json, SettingsPath, opened, progress, settings_of, tell
from rapport.durations import parse_span

app = typer.Typer(help="Try the alert rules on history.", no_args_is_help=True)


@app.callback()
def alerts() -> None:
    """Try the alert rules on history before they are switched on."""


@app.command()
def replay(
    source: HistorySource,
    begin: Annotated[
        datetime, typer.Option("--from", formats=DATE_FORMATS, help="The first look; the model is of then.")
    ],
    end: Annotated[datetime, typer.Option("--to", formats=DATE_FORMATS, help="Looks are before this.")],
    every: Annotated[int, typer.Option(min=1, help="Days between looks.")] = 7,
    horizon: Horizon = None,
    active: Active = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Replay the rules: alerts a customer and month, how many came true, how early, how many tiers flip back."""
    from rapport.scoring.playbook import playbook_of
    from rapport.training.alert_replay import Looks, replay_alerts

    chosen = settings_of(settings)
    playbook = playbook_of(chosen)
    with opened(source, chosen) as history, progress() as report:
        found = replay_alerts(
            history,
            playbook.rules,
            playbook.memory,
            Looks(begin, end, every),
            horizon=parse_span(horizon or chosen.horizon),
            active=parse_span(active or chosen.active),
            progress=report,
        )
    tell(found.as_dict(), found.as_text(), as_json=as_json)

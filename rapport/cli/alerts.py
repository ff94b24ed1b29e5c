"""``rapport alerts``: try the alert rules on past data before they are switched on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from rapport.cli.inputs import open_history, read_settings
from rapport.cli.options import DATE_FORMATS, Active, HistorySource, Horizon, Json, SettingsPath
from rapport.cli.terminal import print_result, progress
from rapport.durations import parse_duration

app = typer.Typer(help="Try the alert rules on past data.", no_args_is_help=True)


@app.callback()
def alerts() -> None:
    """Try the alert rules on past data before they are switched on."""


@app.command()
def replay(
    source: HistorySource,
    begin: Annotated[
        datetime, typer.Option("--from", formats=DATE_FORMATS, help="The first scoring date; the model is fitted here.")
    ],
    end: Annotated[datetime, typer.Option("--to", formats=DATE_FORMATS, help="Scoring dates are before this.")],
    every: Annotated[int, typer.Option(min=1, help="Days between scoring dates.")] = 7,
    horizon: Horizon = None,
    active: Active = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Replay the rules: alerts per customer and month, precision, lead time, and how many tier changes flip back."""
    from rapport.scoring.actions.playbook import playbook_of
    from rapport.training.monitoring.alert_replay import ReplaySchedule, replay_alerts

    current = read_settings(settings)
    playbook = playbook_of(current)
    with open_history(source, current) as history, progress() as report:
        found = replay_alerts(
            history,
            playbook.rules,
            playbook.hysteresis,
            ReplaySchedule(begin, end, every),
            horizon=parse_duration(horizon or current.horizon),
            active=parse_duration(active or current.active_window),
            progress=report,
        )
    print_result(found.as_dict(), found.as_text(), as_json=as_json)

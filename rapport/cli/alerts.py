"""``rapport alerts``: try the alert rules on past data before they are switched on."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.options import DATE_FORMATS, Active, Horizon
from rapport.cli.terminal import progress
from rapport.cli.workspace import Commands, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapport.history import History
    from rapport.scoring.alerts import AlertRules

app = Commands(help="Try the alert rules on past data.", no_args_is_help=True)
_DAYS = 182
"""How long the default replay is, in days: half a year before the newest day whose horizon has passed."""


@app.callback()
def alerts() -> None:
    """Try the alert rules on past data before they are switched on."""


@app.command()
def replay(
    workspace: Workspace,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[HISTORY]",
            help="A folder of tables, or a database URL; by default the rows of the last churn scoring run.",
        ),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=DATE_FORMATS,
            help="The first scoring date, when the model is fitted; by default half a year before --to.",
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=DATE_FORMATS,
            help="Scoring dates are before this; by default one horizon before the newest row.",
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Days between scoring dates.")] = 7,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="A file of rules; by default those in force in the data folder.")
    ] = None,
    horizon: Horizon = None,
    active: Active = None,
) -> None:
    """Replay the rules: alerts per customer and month, precision, lead time, and how many tier changes flip back."""
    from rapport.scoring.actions.playbook import playbook_of
    from rapport.training import default_cutoff
    from rapport.training.monitoring.alert_replay import ReplaySchedule, replay_alerts

    ahead = workspace.horizon(horizon)
    with _history(source, workspace) as history, progress() as report:
        end = end or ahead.before(default_cutoff(history))
        found = replay_alerts(
            history,
            _rules(rules, workspace),
            playbook_of(workspace.settings).hysteresis,
            ReplaySchedule(begin or end - timedelta(days=_DAYS), end, every),
            horizon=ahead,
            active=workspace.active(active),
            progress=report,
        )
    workspace.print_report(found)


@contextmanager
def _history(source: str | None, workspace: Workspace) -> Iterator[History]:
    from rapport.serving.snapshots.contract_rows import ContractRows
    from rapport.serving.snapshots.store import published_run

    if source is not None:
        with workspace.open_history(source) as history:
            yield history
        return
    with ContractRows(published_run(workspace.data_dir, "churn").folder).history(workspace.settings) as history:
        yield history


def _rules(path: Path | None, workspace: Workspace) -> AlertRules:
    from rapport.scoring.actions.playbook import playbook_of
    from rapport.scoring.alerts.rules import parse_rules
    from rapport.scoring.cards.strict_yaml import read_text
    from rapport.serving.work.alert_rules import RulesInForce

    if path is not None:
        return parse_rules(read_text(path), path.name)
    return RulesInForce(workspace.data_dir, lambda: playbook_of(workspace.settings))()

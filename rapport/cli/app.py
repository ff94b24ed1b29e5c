"""The program ``rapport``: its commands, their former names, and how it ends."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from rapport.aliases import current_arguments
from rapport.cli import (
    alerts,
    cards,
    digest,
    effect,
    features,
    history,
    keys,
    models,
    privacy,
    runs,
    scoring,
    serving,
    training,
    worker,
    writeback,
)
from rapport.cli.agents import mcp
from rapport.cli.analysis import analysis
from rapport.cli.demo import demo
from rapport.cli.dossier import dossier
from rapport.cli.exit_codes import run_with_exit_codes
from rapport.cli.init import init
from rapport.cli.migrate import migrate
from rapport.cli.report import report
from rapport.cli.terminal import err
from rapport.cli.workspace import Commands


class GroupWithFormerNames(TyperGroup):
    """The commands; former names of ``rapport.aliases`` still work and print the current name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace former names before the arguments are parsed."""
        arguments, notes = current_arguments(args)
        for note in notes:
            err.print(note, style="dim", markup=False)
        return super().parse_args(ctx, arguments)


app = Commands(
    name="rapport",
    cls=GroupWithFormerNames,
    help="CRM history in; churn and conversion answers out, each with reasons that add up to the number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)
COMMANDS = (
    demo,
    init,
    history.simulate,
    history.check,
    history.leaks,
    history.map_names,
    features.features,
    training.train,
    training.backtest,
    scoring.score,
    scoring.due,
    report,
    dossier,
    analysis,
    serving.serve,
    mcp,
    worker.worker,
    digest.digest,
    effect.effect,
    writeback.writeback,
    training.monitor,
    privacy.forget,
    privacy.export_person,
    privacy.retention,
    privacy.backup,
    privacy.restore,
    migrate,
)
for command in COMMANDS:
    app.command(name="map" if command is history.map_names else None)(command)
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.add_typer(cards.app, name="card")
app.add_typer(alerts.app, name="alerts")
app.add_typer(keys.app, name="keys")
app.add_typer(worker.app, name="webhooks")


def main() -> None:
    """Run a command; an expected error ends with one sentence and its exit code."""
    run_with_exit_codes(app)

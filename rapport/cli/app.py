"""The program: its commands and how it ends."""

from __future__ import annotations

import typer

from rapport.cli import alerts, answering, cards, journey, keys, models
from rapport.cli.demo import demo
from rapport.cli.terminal import guarded

app = typer.Typer(
    name="rapport",
    help="CRM history in; churn and conversion answers out, each with reasons that add up to the number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)
app.command()(demo)
for command in (
    journey.simulate,
    journey.check,
    journey.map_names,
    journey.features,
    journey.train,
    journey.backtest,
    answering.score,
    answering.serve,
    answering.monitor,
):
    app.command(name="map" if command is journey.map_names else None)(command)
app.add_typer(models.app, name="models")
app.add_typer(cards.app, name="card")
app.add_typer(alerts.app, name="alerts")
app.add_typer(keys.app, name="keys")


def main() -> None:
    """Run a command; a mistake ends with one sentence and its exit code."""
    guarded(app)

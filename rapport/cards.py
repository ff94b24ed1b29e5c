"""``rapport card``: make, check, weigh, audit and review scorecards."""

from __future__ import annotations

import typer

app = typer.Typer(help="Make, check, weigh, audit and review scorecards.", no_args_is_help=True)

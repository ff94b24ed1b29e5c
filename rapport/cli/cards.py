"""``rapport card``: create, check, weight, audit and review scorecards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.options import OptionalAsOf, Target, TargetName
from rapport.cli.terminal import Report
from rapport.cli.workspace import Commands, Company, Workspace
from rapport.errors import CardError
from rapport.history import Settings

if TYPE_CHECKING:
    from rapport.history import History
    from rapport.scoring.cards import Card

app = Commands(help="Create, check, weight, audit and review scorecards.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="CARD", help="A shipped card's name, or your own .yaml file.")]
Source = Annotated[
    str, typer.Option("--history", envvar="RAPPORT_HISTORY", help="The history to evaluate the card on.")
]
OptionalSource = Annotated[str | None, typer.Option("--history", help="A folder of tables, or a database URL.")]


@app.command()
def new(
    workspace: Workspace,
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The .yaml file to write.")],
    like: Annotated[str, typer.Option("--like", help="The shipped card to start from.")] = "relationship",
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    learn: Annotated[bool, typer.Option("--learn", help="Learn a fit card from the won leads of the history.")] = False,
    as_of: OptionalAsOf = None,
) -> None:
    """Write a card to edit; with a history, its bands are quintiles of the company's own customers."""
    from rapport.scoring.card_commands import evaluation_rows, learned_fit_card, new_card

    if learn and source is None:
        raise CardError("--learn needs a history with won and lost leads. Add --history.")
    if source is None:
        written = new_card(out, like)
    else:
        with _history_as_of(workspace, source, as_of) as (history, cutoff, durations):
            rows = evaluation_rows(history, "conversion" if learn else target.value, cutoff, **durations)
            written = learned_fit_card(out, rows) if learn else new_card(out, like, rows)
    workspace.print_report(written)


@app.command()
def check(company: Company, card: Name) -> None:
    """Validate a card: print it as a table, or say what is wrong with it."""
    from rapport.scoring.card_commands import check_card

    company.print_report(check_card(card, _feature_names(company.settings), company.settings.language))


@app.command()
def weights(
    workspace: Workspace,
    card: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A file of pairwise comparisons, or of points.")
    ] = None,
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
) -> None:
    """Propose weights from a file of comparisons or points, or from past outcomes; the card is not changed."""
    from rapport.scoring.card_commands import suggest_weights
    from rapport.scoring.cards.weights import propose_weights

    if (file is None) == (source is None):
        raise CardError("Give either a file of comparisons or points, or --history to learn weights from.")
    if file is not None:
        workspace.print_report(propose_weights(_card(card, workspace), file))
    elif source is not None:
        _evaluate(workspace, suggest_weights, _card(card, workspace), source, target.value, as_of)


@app.command()
def audit(
    workspace: Workspace, card: Name, source: Source, target: Target = TargetName.churn, as_of: OptionalAsOf = None
) -> None:
    """Evaluate a card on past outcomes: ranking quality, outcome rate by tier, and lead time of its warnings."""
    from rapport.scoring.card_commands import audit_card

    _evaluate(workspace, audit_card, _card(card, workspace), source, target.value, as_of)


@app.command()
def review(
    workspace: Workspace, card: Name, source: Source, target: Target = TargetName.churn, as_of: OptionalAsOf = None
) -> None:
    """Compare a card with a quarter ago and propose better thresholds; the card is not changed."""
    from rapport.training.monitoring.card_review import review_card

    _evaluate(workspace, review_card, _card(card, workspace), source, target.value, as_of)


@contextmanager
def _history_as_of(
    workspace: Workspace, source: str, as_of: datetime | None
) -> Iterator[tuple[History, datetime, dict[str, Any]]]:
    """Open a history; yields it with the date, by default that of its newest event, and the company's durations."""
    with workspace.open_history(source) as history:
        newest = as_of or history.time_range()[1]
        if newest is None:
            raise CardError(f"{source}: the history is empty, so a card cannot be evaluated on it.")
        yield history, newest, {"active": workspace.active(), "horizon": workspace.horizon()}


def _evaluate(
    workspace: Workspace, work: Callable[..., Report], card: Card, source: str, target: str, as_of: datetime | None
) -> None:
    """Run ``work`` on a card and a history, and print what it returns."""
    with _history_as_of(workspace, source, as_of) as (history, cutoff, durations):
        found = work(card, history, target, cutoff, **durations)
    workspace.print_report(found)


def _card(name: str, company: Company) -> Card:
    from rapport.scoring.cards import load_card

    return load_card(name, _feature_names(company.settings))


def _feature_names(settings: Settings) -> list[str]:
    from rapport.features import catalog

    return [*catalog().names, *(f"attribute_{name}" for name in settings.fixed_attributes)]

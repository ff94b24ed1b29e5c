"""``rapport card``: create, check, weight, audit and review scorecards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rapport.cli.inputs import open_history, read_settings
from rapport.cli.options import Json, OptionalAsOf, SettingsPath, Target, TargetName
from rapport.cli.terminal import print_report
from rapport.errors import CardError
from rapport.history import Settings, parse_duration

if TYPE_CHECKING:
    from rapport.history import History
    from rapport.scoring.cards import Card

Result = TypeVar("Result")

app = typer.Typer(help="Create, check, weight, audit and review scorecards.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="CARD", help="A shipped card's name, or your own .yaml file.")]
Source = Annotated[str, typer.Option("--history", help="The history to evaluate the card on.")]
OptionalSource = Annotated[str | None, typer.Option("--history", help="A folder of tables, or a database URL.")]


@app.command()
def new(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The .yaml file to write.")],
    like: Annotated[str, typer.Option("--like", help="The shipped card to start from.")] = "relationship",
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    learn: Annotated[bool, typer.Option("--learn", help="Learn a fit card from the won leads of the history.")] = False,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Write a card to edit; with a history, its bands are quintiles of the company's own customers."""
    from rapport.scoring.card_commands import evaluation_rows, learned_fit_card, new_card

    current = read_settings(settings)
    if learn:
        if source is None:
            raise CardError("--learn needs a history with won and lost leads. Add --history.")
        with _history_as_of(source, current, as_of) as (history, cutoff):
            written = learned_fit_card(out, evaluation_rows(history, "conversion", cutoff, **_durations(current)))
    elif source is None:
        written = new_card(out, like)
    else:
        with _history_as_of(source, current, as_of) as (history, cutoff):
            written = new_card(out, like, evaluation_rows(history, target.value, cutoff, **_durations(current)))
    print_report(written, as_json=as_json)


@app.command()
def check(card: Name, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Validate a card: print it as a table, or say what is wrong with it."""
    from rapport.scoring.card_commands import check_card

    current = read_settings(settings)
    checked = check_card(card, _feature_names(current), current.language)
    print_report(checked, as_json=as_json)


@app.command()
def weights(
    card: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A file of pairwise comparisons, or of points.")
    ] = None,
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Propose weights from a file of comparisons or points, or from past outcomes; the card is not changed."""
    from rapport.scoring.card_commands import suggest_weights
    from rapport.scoring.cards import load_card
    from rapport.scoring.cards.weights import propose_weights

    if (file is None) == (source is None):
        raise CardError("Give either a file of comparisons or points, or --history to learn weights from.")
    current = read_settings(settings)
    present = load_card(card, _feature_names(current))
    if file is not None:
        weighed = propose_weights(present, file)
        print_report(weighed, as_json=as_json)
    elif source is not None:
        found = _evaluate(suggest_weights, present, source, target, current, as_of)
        print_report(found, as_json=as_json)


@app.command()
def audit(
    card: Name,
    source: Source,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Evaluate a card on past outcomes: ranking quality, outcome rate by tier, and lead time of its warnings."""
    from rapport.scoring.card_commands import audit_card
    from rapport.scoring.cards import load_card

    current = read_settings(settings)
    found = _evaluate(audit_card, load_card(card, _feature_names(current)), source, target, current, as_of)
    print_report(found, as_json=as_json)


@app.command()
def review(
    card: Name,
    source: Source,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Compare a card with a quarter ago and propose better thresholds; the card is not changed."""
    from rapport.scoring.cards import load_card
    from rapport.training.monitoring.card_review import review_card

    current = read_settings(settings)
    found = _evaluate(review_card, load_card(card, _feature_names(current)), source, target, current, as_of)
    print_report(found, as_json=as_json)


@contextmanager
def _history_as_of(source: str, settings: Settings, as_of: datetime | None) -> Iterator[tuple[History, datetime]]:
    with open_history(source, settings) as history:
        newest = as_of or history.time_range()[1]
        if newest is None:
            raise CardError(f"{source}: the history is empty, so a card cannot be evaluated on it.")
        yield history, newest


def _evaluate(
    work: Callable[..., Result], card: Card, source: str, target: TargetName, settings: Settings, as_of: datetime | None
) -> Result:
    """Run ``work`` on a card and a history, as of its newest event where no date is set."""
    with _history_as_of(source, settings, as_of) as (history, cutoff):
        return work(card, history, target.value, cutoff, **_durations(settings))


def _feature_names(settings: Settings) -> list[str]:
    from rapport.features import catalog

    return [*catalog().names, *(f"attribute_{name}" for name in settings.fixed_attributes)]


def _durations(settings: Settings) -> dict[str, Any]:
    return {"active": parse_duration(settings.active_window), "horizon": parse_duration(settings.horizon)}

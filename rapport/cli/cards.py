"""``rapport card``: make, check, weigh, audit and review scorecards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rapport.cli.options import OptionalAsOf, Target, TargetName
from rapport.cli.terminal import Json, SettingsPath, opened, settings_of, tell
from rapport.errors import CardError
from rapport.history import Settings, parse_span

if TYPE_CHECKING:
    from rapport.history import History
    from rapport.scoring.cards import Card

Found = TypeVar("Found")

app = typer.Typer(help="Make, check, weigh, audit and review scorecards.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="CARD", help="A shipped card's name, or your own .yaml file.")]
Source = Annotated[str, typer.Option("--history", help="The history to hold the card against.")]
OptionalSource = Annotated[str | None, typer.Option("--history", help="A folder of tables, or a database URL.")]


@app.command()
def new(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The .yaml file to write.")],
    like: Annotated[str, typer.Option("--like", help="The shipped card to begin with.")] = "relationship",
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Write a card to edit; with a history, its amounts in fifths of the company's own customers."""
    from rapport.scoring.cards.workshop import new_card, past_rows

    chosen = settings_of(settings)
    if source is None:
        written = new_card(out, like)
    else:
        with _held_against(source, chosen, as_of) as (history, moment):
            written = new_card(out, like, past_rows(history, target.value, moment, **_spans(chosen)))
    tell(written.as_dict(), written.as_text(), as_json=as_json)


@app.command()
def check(card: Name, settings: SettingsPath = None, as_json: Json = False) -> None:
    """Read a card: drawn as a table, or the sentence that says what is wrong with it."""
    from rapport.scoring.cards.workshop import check_card

    chosen = settings_of(settings)
    checked = check_card(card, _known(chosen), chosen.language)
    tell(checked.as_dict(), checked.as_text(), as_json=as_json)


@app.command()
def weights(
    card: Name,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Experts' comparisons, or points.")] = None,
    source: OptionalSource = None,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Weigh a card by a file of experts' comparisons or points, or by what happened; nothing is changed."""
    from rapport.scoring.cards import load_card
    from rapport.scoring.cards.weights import weigh
    from rapport.scoring.cards.workshop import suggest_weights

    if (file is None) == (source is None):
        raise CardError("Give either a file of comparisons or points, or --history to learn weights from.")
    chosen = settings_of(settings)
    present = load_card(card, _known(chosen))
    if file is not None:
        weighed = weigh(present, file)
        tell(weighed.as_dict(), weighed.as_text(), as_json=as_json)
    elif source is not None:
        found = _held(suggest_weights, present, source, target, chosen, as_of)
        tell(found.as_dict(), found.as_text(), as_json=as_json)


@app.command()
def audit(
    card: Name,
    source: Source,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Hold a card against what happened: does it rank, do its tiers mean something, does it warn in time."""
    from rapport.scoring.cards import load_card
    from rapport.scoring.cards.workshop import audit_card

    chosen = settings_of(settings)
    found = _held(audit_card, load_card(card, _known(chosen)), source, target, chosen, as_of)
    tell(found.as_dict(), found.as_text(), as_json=as_json)


@app.command()
def review(
    card: Name,
    source: Source,
    target: Target = TargetName.churn,
    as_of: OptionalAsOf = None,
    settings: SettingsPath = None,
    as_json: Json = False,
) -> None:
    """Compare a card with a quarter ago, and propose thresholds that would fit better; nothing is changed."""
    from rapport.scoring.cards import load_card
    from rapport.training.card_review import review_card

    chosen = settings_of(settings)
    found = _held(review_card, load_card(card, _known(chosen)), source, target, chosen, as_of)
    tell(found.as_dict(), found.as_text(), as_json=as_json)


@contextmanager
def _held_against(source: str, settings: Settings, as_of: datetime | None) -> Iterator[tuple[History, datetime]]:
    with opened(source, settings) as history:
        newest = as_of or history.span()[1]
        if newest is None:
            raise CardError(f"{source}: the history is empty, so there is nothing to hold a card against.")
        yield history, newest


def _held(
    work: Callable[..., Found], card: Card, source: str, target: TargetName, settings: Settings, as_of: datetime | None
) -> Found:
    """Hold a card against a history, up to its newest event where no date is given."""
    with _held_against(source, settings, as_of) as (history, moment):
        return work(card, history, target.value, moment, **_spans(settings))


def _known(settings: Settings) -> list[str]:
    from rapport.features import catalog

    return [*catalog().names, *(f"attribute_{name}" for name in settings.fixed_attributes)]


def _spans(settings: Settings) -> dict[str, Any]:
    return {"active": parse_span(settings.active), "horizon": parse_span(settings.horizon)}

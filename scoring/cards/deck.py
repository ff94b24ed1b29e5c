"""Several cards for several segments: the first segment that matches a customer selects the card."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import model_validator

from rapport.scoring.cards.bands import Floats, meets_threshold
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_file import load_card
from rapport.scoring.cards.card_scores import Columns, numpy_columns, score_card
from rapport.scoring.cards.config_models import ConfigModel, Name, NotEmpty, Text, Texts, parse_config
from rapport.scoring.cards.indicator import BOUNDS, Bound, Condition
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text


@dataclass(frozen=True)
class CardSegment(ConfigModel):
    """The customers whose feature meets a bound, or has one of some values, and their card."""

    name: str
    feature: str
    condition: Bound | tuple[str, ...]
    card: Card

    def matches(self, columns: Columns, count: int) -> npt.NDArray[np.bool_]:
        """Mark the rows of this segment; an unknown value belongs to no segment."""
        if self.feature not in columns:
            return np.zeros(count, dtype=bool)
        values = columns[self.feature]
        if isinstance(self.condition, Bound):
            return meets_threshold(values, self.condition.threshold)
        return np.array([value in self.condition for value in values], dtype=bool)


@dataclass(frozen=True)
class Deck:
    """The cards of a company by segment, and the default card."""

    default: Card
    segments: tuple[CardSegment, ...] = ()

    @property
    def cards(self) -> tuple[Card, ...]:
        """Return the card of each segment, and last the default one."""
        return (*(segment.card for segment in self.segments), self.default)

    def parts(self, table: pa.Table) -> list[npt.NDArray[np.bool_]]:
        """Mark the rows of each of the cards: a row belongs to the first segment that it matches."""
        columns = numpy_columns(table, [segment.feature for segment in self.segments])
        rest, found = np.ones(table.num_rows, dtype=bool), []
        for segment in self.segments:
            found.append(segment.matches(columns, len(rest)) & rest)
            rest = rest & ~found[-1]
        return [*found, rest]

    def score(self, table: pa.Table) -> tuple[Floats, list[str | None]]:
        """Return the score and the tier of every row on the card of its segment."""
        score, tier = np.full(table.num_rows, np.nan), np.full(table.num_rows, None, dtype=object)
        for card, rows in zip(self.cards, self.parts(table), strict=True):
            columns = {name: values[rows] for name, values in numpy_columns(table, card.features).items()}
            scored = score_card(card, columns)
            score[rows], tier[rows] = scored.score, scored.tier
        return score, tier.tolist()


def load_deck(path: Path, known: Collection[str] | None = None) -> Deck:
    """Read a deck file; a card is a shipped name or a file in the same folder."""
    form = parse_config(_DeckForm, parse_yaml(read_text(path), path.name), path.name, known)
    card = partial(_card, folder=path.parent, known=known)
    segments = tuple(
        CardSegment(each.name, each.when.feature, each.when.condition(), card(each.card)) for each in form.segments
    )
    return Deck(card(form.default), segments)


@dataclass(frozen=True, kw_only=True)
class _WhenForm(Condition):
    values: Texts | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check_one_of("values", *BOUNDS)
        return self

    def condition(self) -> Bound | tuple[str, ...]:
        return self.values or Bound(**{self.threshold.bound: self.threshold.value})


@dataclass(frozen=True)
class _SegmentForm(ConfigModel):
    name: Name
    when: _WhenForm
    card: Text


@dataclass(frozen=True)
class _DeckForm(ConfigModel):
    default: Text
    segments: Annotated[tuple[_SegmentForm, ...], NotEmpty]


def _card(name: str, folder: Path, known: Collection[str] | None) -> Card:
    return load_card(folder / name if name.endswith((".yaml", ".yml")) else name, known)

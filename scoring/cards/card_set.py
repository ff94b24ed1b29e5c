"""The scorecards of a scoring run: several cards and decks, fitted once to the run's customers and then frozen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_file import load_card
from rapport.scoring.cards.card_scores import CardScores, fit_bands, score_card
from rapport.scoring.cards.company_bands import adapt_card
from rapport.scoring.cards.config_models import ConfigModel
from rapport.scoring.cards.deck import CardSegment, Deck, load_deck
from rapport.scoring.cards.indicator import CategoryBands
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text


@dataclass(frozen=True)
class FrozenCard(ConfigModel):
    """A card, or a deck of cards by segment whose default it is, that fits a run's customers.

    ``own_fifths`` names the indicators whose bands come from the company's own fifths.
    """

    name: str
    card: Card
    segments: tuple[CardSegment, ...] = ()
    own_fifths: tuple[str, ...] = ()

    @property
    def deck(self) -> Deck:
        """Return the card and the segments that have another."""
        return Deck(self.card, self.segments)

    def scores(self, rows: pa.Table) -> CardScores:
        """Return the scores of each row on the (default) card; a feature that the rows lack is unknown."""
        return score_card(self.card, with_columns(rows, self.card))

    def scored(self, rows: pa.Table) -> tuple[np.ndarray[Any, Any], list[str | None]]:
        """Return the score and the tier of each row, on the card of its segment."""
        return self.deck.score(with_columns(rows, *self.deck.cards))


def freeze_cards(
    names: Sequence[str], population: pa.Table, fitted: Mapping[str, Card], known: Collection[str] | None = None
) -> tuple[FrozenCard, ...]:
    """Load cards and decks and fit them to the rows of a run's population.

    ``fitted`` are cards that are fitted already, by name, such as the card of the model; they are used as they are.
    """
    return tuple(_frozen(name, population, fitted, known) for name in names)


def features_read(names: Sequence[str]) -> frozenset[str]:
    """Return the features that these cards and decks read."""
    found: set[str] = set()
    for name in names:
        if _is_deck(name):
            deck = load_deck(Path(name))
            found |= {*chain(*(card.features for card in deck.cards)), *(each.feature for each in deck.segments)}
        else:
            found |= set(load_card(name).features)
    return frozenset(found)


def with_columns(rows: pa.Table, *cards: Card) -> pa.Table:
    """Return the rows with a column of unknown values for each feature of the cards that they lack."""
    known = set(rows.column_names)
    for card in cards:
        missing = dict.fromkeys(name for name in card.features if name not in known)
        if missing:
            categories = {line.measure[0][0] for line in card if isinstance(line.bands, CategoryBands)}
            for name in missing:
                kind = pa.string() if name in categories else pa.float64()
                rows = rows.append_column(name, pa.nulls(rows.num_rows, kind))
            known |= missing.keys()
    return rows


def _frozen(name: str, population: pa.Table, fitted: Mapping[str, Card], known: Collection[str] | None) -> FrozenCard:
    if name in fitted:
        return FrozenCard(name, fitted[name])
    if _is_deck(name):
        return _frozen_deck(Path(name), population, known)
    card = load_card(name, known)
    if card.name in fitted:
        return FrozenCard(card.name, fitted[card.name])
    own, fifths = _fit(card, population)
    return FrozenCard(card.name, own, own_fifths=fifths)


def _frozen_deck(path: Path, population: pa.Table, known: Collection[str] | None) -> FrozenCard:
    deck = load_deck(path, known)
    parts = zip(deck.cards, deck.parts(population), strict=True)
    *fitted, (default, fifths) = [_fit(card, population.filter(pa.array(rows))) for card, rows in parts]
    segments = tuple(replace(segment, card=card) for segment, (card, _) in zip(deck.segments, fitted, strict=True))
    own = dict.fromkeys(chain(*(names for _, names in fitted), fifths))
    return FrozenCard(path.stem, default, segments, tuple(own))


def _fit(card: Card, rows: pa.Table) -> tuple[Card, tuple[str, ...]]:
    rows = with_columns(rows, card)
    adapted = adapt_card(card, rows)
    return fit_bands(adapted.card, rows), adapted.own_fifths


def _is_deck(name: str) -> bool:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return False
    written = parse_yaml(read_text(path), path.name)
    return isinstance(written, dict) and "segments" in written and "dimensions" not in written

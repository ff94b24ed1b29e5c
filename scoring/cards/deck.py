"""Several cards for several segments: the first segment that a customer belongs to says which card counts."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.cards.bands import Floats, keeps
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import Rung
from rapport.scoring.cards.place import Place
from rapport.scoring.cards.reading import load_card
from rapport.scoring.cards.scores import NO_TIER, Columns, columns_of
from rapport.scoring.cards.yaml_text import parse_yaml, read_text

_BOUNDS = ("at_least", "above", "at_most", "below")
DEFAULT = "default"


@dataclass(frozen=True)
class Segment:
    """Customers whose feature keeps a bound, or is one of some values, and their card."""

    name: str
    feature: str
    test: Rung | tuple[str, ...]
    card: Card

    def holds(self, columns: Columns, count: int) -> npt.NDArray[np.bool_]:
        """Say which rows belong here; an unknown value belongs nowhere."""
        if self.feature not in columns:
            return np.zeros(count, dtype=bool)
        values = columns[self.feature]
        if isinstance(self.test, Rung):
            return keeps(values, self.test)
        return np.array([value in self.test for value in values], dtype=bool)


@dataclass(frozen=True)
class DeckScores:
    """Scores of all customers, each on its own card: segment, card, score, tier."""

    segment: list[str]
    card: list[str]
    score: Floats
    tier: list[str | None]


@dataclass(frozen=True)
class Deck:
    """The cards of a company by segment, and one for everyone else."""

    default: Card
    segments: tuple[Segment, ...] = ()

    def score(self, table: pa.Table) -> DeckScores:
        """Score every row on the card of its segment."""
        count = table.num_rows
        columns = columns_of(table, [segment.feature for segment in self.segments])
        place = np.full(count, len(self.segments))
        for at in range(len(self.segments) - 1, -1, -1):
            place[self.segments[at].holds(columns, count)] = at
        cards = [*(segment.card for segment in self.segments), self.default]
        names = [*(segment.name for segment in self.segments), DEFAULT]
        score, tiers = np.full(count, np.nan), np.full(count, NO_TIER)
        for at, card in enumerate(cards):
            rows = np.flatnonzero(place == at)
            scored = card.score(table.take(rows))
            score[rows], tiers[rows] = scored.score, scored.tiers
        tier_names: list[list[str | None]] = [[*(tier.name for tier in card.tiers), None] for card in cards]
        return DeckScores(
            segment=[names[at] for at in place],
            card=[cards[at].reference for at in place],
            score=score,
            tier=[tier_names[at][tier] for at, tier in zip(place, tiers, strict=True)],
        )


def load_deck(path: Path, known: Collection[str] | None = None) -> Deck:
    """Read a file that says which segment has which card; cards are shipped names or files beside it."""
    place = Place(path.name, parse_yaml(read_text(path), path.name))
    place.keys(("default", "segments"))
    segments = tuple(_segment(line, path.parent, known) for line in place.at("segments").lines("segment"))
    return Deck(_card(place.at("default"), path.parent, known), segments)


def _segment(place: Place, folder: Path, known: Collection[str] | None) -> Segment:
    place.keys(("name", "when", "card"))
    when = place.at("when")
    when.keys(("feature",), ("values", *_BOUNDS))
    tests = [key for key in when.value if key != "feature"]
    if len(tests) != 1:
        raise when.wrong(f"give exactly one of values, {', '.join(_BOUNDS)}.")
    key: Any = tests[0]
    test = when.at(key).texts() if key == "values" else Rung(0, key, when.at(key).number())
    feature = when.at("feature").name()
    if known is not None and feature not in known:
        raise when.wrong(f"there is no feature “{feature}”. docs/features.md lists all.")
    return Segment(place.at("name").name(), feature, test, _card(place.at("card"), folder, known))


def _card(place: Place, folder: Path, known: Collection[str] | None) -> Card:
    name = place.text()
    return load_card(folder / name if name.endswith((".yaml", ".yml")) else name, known)

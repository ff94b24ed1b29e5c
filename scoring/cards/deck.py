"""Several cards for several segments: the first segment that matches a customer selects the card."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.scoring.cards.bands import BOUNDS, Floats, meets_threshold
from rapport.scoring.cards.card import NO_TIER, Card
from rapport.scoring.cards.card_file import load_card
from rapport.scoring.cards.card_scores import Columns, numpy_columns, score_card
from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.indicator import Threshold
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text

DEFAULT = "default"


@dataclass(frozen=True)
class CardSegment:
    """The customers whose feature meets a threshold, or has one of some values, and their card."""

    name: str
    feature: str
    condition: Threshold | tuple[str, ...]
    card: Card

    def matches(self, columns: Columns, count: int) -> npt.NDArray[np.bool_]:
        """Mark the rows of this segment; an unknown value belongs to no segment."""
        if self.feature not in columns:
            return np.zeros(count, dtype=bool)
        values = columns[self.feature]
        if isinstance(self.condition, Threshold):
            return meets_threshold(values, self.condition)
        return np.array([value in self.condition for value in values], dtype=bool)


@dataclass(frozen=True)
class DeckScores:
    """The scores of all customers, each on the card of its segment."""

    segment: list[str]
    card: list[str]
    score: Floats
    tier: list[str | None]


@dataclass(frozen=True)
class Deck:
    """The cards of a company by segment, and the default card."""

    default: Card
    segments: tuple[CardSegment, ...] = ()

    def score(self, table: pa.Table) -> DeckScores:
        """Score every row on the card of its segment."""
        count = table.num_rows
        columns = numpy_columns(table, [segment.feature for segment in self.segments])
        segment_of = np.full(count, len(self.segments))
        for at in range(len(self.segments) - 1, -1, -1):
            segment_of[self.segments[at].matches(columns, count)] = at
        cards = [*(segment.card for segment in self.segments), self.default]
        names = [*(segment.name for segment in self.segments), DEFAULT]
        score, tiers = np.full(count, np.nan), np.full(count, NO_TIER)
        for at, card in enumerate(cards):
            rows = np.flatnonzero(segment_of == at)
            scored = score_card(card, table.take(rows))
            score[rows], tiers[rows] = scored.score, scored.tiers
        tier_names: list[list[str | None]] = [[*(tier.name for tier in card.tiers), None] for card in cards]
        return DeckScores(
            segment=[names[at] for at in segment_of],
            card=[cards[at].reference for at in segment_of],
            score=score,
            tier=[tier_names[at][tier] for at, tier in zip(segment_of, tiers, strict=True)],
        )


def load_deck(path: Path, known: Collection[str] | None = None) -> Deck:
    """Read a deck file; a card is a shipped name or a file in the same folder."""
    node = ConfigNode(path.name, parse_yaml(read_text(path), path.name))
    node.keys(("default", "segments"))
    segments = tuple(_segment(line, path.parent, known) for line in node.at("segments").lines("segment"))
    return Deck(_card(node.at("default"), path.parent, known), segments)


def _segment(node: ConfigNode, folder: Path, known: Collection[str] | None) -> CardSegment:
    node.keys(("name", "when", "card"))
    when = node.at("when")
    when.keys(("feature",), ("values", *BOUNDS))
    bounds = [key for key in when.value if key != "feature"]
    if len(bounds) != 1:
        raise when.error(f"give exactly one of values, {', '.join(BOUNDS)}.")
    key: Any = bounds[0]
    condition = when.at(key).texts() if key == "values" else Threshold(0, key, when.at(key).number())
    feature = when.at("feature").name()
    if known is not None and feature not in known:
        raise when.error(f"there is no feature “{feature}”. docs/features.md lists all.")
    return CardSegment(node.at("name").name(), feature, condition, _card(node.at("card"), folder, known))


def _card(node: ConfigNode, folder: Path, known: Collection[str] | None) -> Card:
    name = node.text()
    return load_card(folder / name if name.endswith((".yaml", ".yml")) else name, known)

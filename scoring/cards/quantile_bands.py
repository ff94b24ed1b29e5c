"""Puts a card on a company's own scale: bands by quantiles of its history where written thresholds do not fit."""

from collections.abc import Collection
from dataclasses import replace

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import Indicator, Quantiles, Thresholds

FIFTHS = ((5, 0.8), (4, 0.6), (3, 0.4), (2, 0.2))

# Amounts and numbers of orders differ by orders of magnitude from company to company; shares and scores do not.
OWN_SCALE = ("value", "frequency")


def on_own_scale(card: Card, families: Collection[str] = OWN_SCALE) -> Card:
    """Replace the thresholds of some families by fifths; `fitted` then takes them from the company's rows."""
    dimensions = tuple(
        replace(part, indicators=tuple(_in_fifths(line, families) for line in part.indicators))
        for part in card.dimensions
    )
    return replace(card, version=card.version + 1, dimensions=dimensions)


def _in_fifths(line: Indicator, families: Collection[str]) -> Indicator:
    if line.family not in families or not isinstance(line.bands, Thresholds):
        return line
    return replace(line, bands=Quantiles(FIFTHS, line.bands.high_is_good))

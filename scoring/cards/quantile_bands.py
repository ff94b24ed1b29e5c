"""Replace a card's thresholds by quantiles of the company's own history, where fixed thresholds do not fit."""

from collections.abc import Collection
from dataclasses import replace

from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import Indicator, QuantileBands, ThresholdBands

FIFTHS = ((5, 0.8), (4, 0.6), (3, 0.4), (2, 0.2))

# Amounts and numbers of orders differ by orders of magnitude from company to company; shares and scores do not.
OWN_SCALE = ("value", "frequency")


def with_quantile_bands(card: Card, families: Collection[str] = OWN_SCALE) -> Card:
    """Replace the thresholds of some families by fifths; `fit_bands` then takes them from the company's rows."""
    dimensions = tuple(
        replace(dimension, indicators=tuple(_in_fifths(indicator, families) for indicator in dimension.indicators))
        for dimension in card.dimensions
    )
    return replace(card, version=card.version + 1, dimensions=dimensions)


def _in_fifths(indicator: Indicator, families: Collection[str]) -> Indicator:
    if indicator.family not in families or not isinstance(indicator.bands, ThresholdBands):
        return indicator
    return replace(indicator, bands=QuantileBands(FIFTHS, indicator.bands.high_is_good))

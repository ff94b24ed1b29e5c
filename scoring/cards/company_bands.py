"""Bands from the company's own fifths, where the thresholds of a card do not fit its scale or its customers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from rapport.scoring.cards.bands import Floats, assign_bands, fit_thresholds
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import Columns, indicator_values, numpy_columns
from rapport.scoring.cards.indicator import UNKNOWN, Indicator, QuantileBands, ThresholdBands

FIFTHS = ((5, 0.8), (4, 0.6), (3, 0.4), (2, 0.2))
# Amounts and numbers of orders differ by orders of magnitude from company to company; shares and scores do not.
OWN_SCALE = ("value", "frequency")
CROWDED_SHARE = 0.6
"""Thresholds that put more than this share of the customers into one band are replaced."""


@dataclass(frozen=True)
class AdaptedCard:
    """A card that fits a company's rows, and the indicators whose bands come from the company's own fifths."""

    card: Card
    own_fifths: tuple[str, ...]


def with_quantile_bands(card: Card) -> Card:
    """Replace the thresholds of amounts by fifths; ``fit_bands`` then takes them from the company's rows."""
    return replace(card.with_indicators(_in_fifths), version=card.version + 1)


def _in_fifths(indicator: Indicator) -> Indicator:
    if indicator.family not in OWN_SCALE or not isinstance(indicator.bands, ThresholdBands):
        return indicator
    return replace(indicator, bands=QuantileBands(FIFTHS, indicator.bands.high_is_good))


def adapt_card(card: Card, rows: pa.Table | Columns) -> AdaptedCard:
    """Replace the thresholds that put more than ``CROWDED_SHARE`` of the rows into one band by fifths of the rows.

    An indicator whose fifths would be as crowded, such as complaints where nearly nobody complains, stays as written.
    """
    columns = numpy_columns(rows, card.features)
    own: list[str] = []
    adapted = card.with_indicators(lambda each: _adapted(each, columns, own))
    return AdaptedCard(adapted, tuple(own))


def _adapted(indicator: Indicator, columns: Columns, own: list[str]) -> Indicator:
    bands = indicator.bands
    if not isinstance(bands, ThresholdBands) or not any(name in columns for name, _ in indicator.measure):
        return indicator
    values = indicator_values(indicator, columns, len(next(iter(columns.values()))))
    share = _largest_share(values, bands)
    if share <= CROWDED_SHARE:
        return indicator
    fifths = fit_thresholds(QuantileBands(FIFTHS, bands.high_is_good), values)
    if len(fifths.thresholds) < 2 or _largest_share(values, fifths) >= share:
        return indicator
    own.append(indicator.name)
    return replace(indicator, bands=fifths)


def _largest_share(values: Floats, bands: ThresholdBands) -> float:
    codes = assign_bands(values, bands)
    counts = np.bincount(codes[codes != UNKNOWN])
    return float(counts.max() / counts.sum()) if counts.sum() else 0.0

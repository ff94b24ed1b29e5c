"""Score rows of features with a scorecard: bands, score, tier, and parts that sum to the score exactly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import CardError
from rapport.localized import localize
from rapport.scoring.cards.bands import (
    BandCodes,
    Floats,
    assign_bands,
    assign_category_bands,
    fit_thresholds,
    meets_threshold,
)
from rapport.scoring.cards.card import DECIMALS, Card
from rapport.scoring.cards.indicator import (
    BEST,
    UNKNOWN,
    WORST,
    CategoryBands,
    Indicator,
    QuantileBands,
    ThresholdBands,
)

_NEGLIGIBLE = 1e-12

Columns = Mapping[str, npt.NDArray[Any]]
"""Features by name: numbers as float64 with NaN for unknown, categories as text with None for unknown."""


@dataclass(frozen=True)
class CardScores:
    """The scores of n rows on a card of k indicators.

    Parameters
    ----------
    band_codes : the bands, (n, k); 0 is unknown.
    score : NaN where every indicator is unknown.
    known : the share of the weight that is known.
    """

    card: Card
    band_codes: BandCodes
    score: Floats
    known: Floats

    @property
    def weights(self) -> Floats:
        """Return each indicator's share of the total weight."""
        return np.array(list(self.card.weights.values()))

    @cached_property
    def base(self) -> float:
        """Return the score of a customer who has the usual band of every indicator."""
        shares = self.card.weights.values()
        mean = sum(share * indicator.usual for share, indicator in zip(shares, self.card, strict=True))
        return float(self.card.to_scale(np.array(mean)))

    @cached_property
    def parts(self) -> Floats:
        """Return what each indicator adds: ``base + parts.sum(axis=1)`` is the score, row by row.

        A known indicator adds its re-weighted weight × (band - usual). When an indicator is unknown, the others weigh
        more; the resulting shift is the unknown indicator's part, so the sum stays exact.
        """
        step = (self.card.scale[1] - self.card.scale[0]) / (BEST - WORST)
        usual_of_known = self._mean_usual()
        parts = np.empty(self.band_codes.shape)
        for position, (share, indicator) in enumerate(zip(self.card.weights.values(), self.card, strict=True)):
            bands = self.band_codes[:, position]
            with np.errstate(invalid="ignore", divide="ignore"):
                moved = share / self.known * (bands - indicator.usual)
            parts[:, position] = np.where(bands == UNKNOWN, share * (usual_of_known - indicator.usual), moved) * step
        parts[self.known == 0] = 0.0
        return parts

    @cached_property
    def tiers(self) -> BandCodes:
        """Return each row's tier number, best 0; -1 where nothing is known."""
        return self.card.tier_codes(self.score)

    @property
    def tier(self) -> list[str | None]:
        """Return each row's tier name, None where nothing is known."""
        return self.card.tier_names(self.score)

    def to_table(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Table:
        """Return one row per customer: score, tier, known share, every band, card and its fingerprint."""
        names = pa.array([tier.name for tier in self.card.tiers])
        tiers = pa.DictionaryArray.from_arrays(pa.array(self.tiers, mask=self.tiers < 0), names)
        columns = {
            "customer_id": ids,
            "score": pa.array(self.score, mask=np.isnan(self.score)),
            "tier": tiers.cast(pa.string()),
            "known": pa.array(np.round(self.known, DECIMALS)),
        }
        for position, indicator in enumerate(self.card):
            bands = self.band_codes[:, position]
            columns[f"band_{indicator.name}"] = pa.array(bands, mask=bands == UNKNOWN)
        columns["card"] = pa.repeat(self.card.reference, len(self.score))
        columns["card_hash"] = pa.repeat(self.card.hash, len(self.score))
        return pa.table(columns)

    def reasons(self, count: int, language: str = "en") -> pa.Table:
        """Return each row's strongest indicators as text, with their parts: reason_1, part_1, reason_2, ….

        Of equal parts, the indicator that comes first in the card ranks first. An unknown indicator is no reason.
        """
        ranked = np.where(self.band_codes == UNKNOWN, 0.0, self.parts)
        order = np.argsort(-np.abs(ranked), axis=1, kind="stable")[:, :count]
        parts = np.take_along_axis(ranked, order, axis=1)
        labels = pa.array([localize(indicator.label, language) for indicator in self.card])
        columns: dict[str, pa.Array] = {}
        for position in range(order.shape[1]):
            negligible = np.abs(parts[:, position]) < _NEGLIGIBLE
            indices = pa.array(order[:, position].astype(np.int8), mask=negligible)
            columns[f"reason_{position + 1}"] = pa.DictionaryArray.from_arrays(indices, labels)
            columns[f"part_{position + 1}"] = pa.array(parts[:, position], mask=negligible)
        return pa.table(columns)

    def _mean_usual(self) -> Floats:
        total = np.zeros(len(self.known))
        for position, (share, indicator) in enumerate(zip(self.card.weights.values(), self.card, strict=True)):
            total += np.where(self.band_codes[:, position] == UNKNOWN, 0.0, share * indicator.usual)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / self.known)


def score_card(card: Card, rows: pa.Table | Columns) -> CardScores:
    """Score every row of features; an unknown value is left out, a missing column is an error."""
    if card.pending:
        raise CardError(
            f"{card.reference}: {card.pending[0]} has quantile bands, which need the company's own history."
            " Fit the card to a snapshot first."
        )
    columns = numpy_columns(rows, card.features)
    _check_columns(card.reference, card, columns)
    count = len(next(iter(columns.values()))) if columns else 0
    codes = np.empty((count, len(card.indicators)), dtype=np.int8, order="F")
    for position, indicator in enumerate(card):
        codes[:, position] = _band_codes(indicator, columns, count)
    mean, known = _mean_band(card, codes)
    return CardScores(card, codes, card.to_scale(mean), known)


def fit_bands(card: Card, rows: pa.Table | Columns) -> Card:
    """Fit a card to a company's rows: quantiles become thresholds, each usual band the mean of these rows."""
    return card.with_indicators(lambda each: _fit(card.reference, each, rows))


def numpy_columns(rows: pa.Table | Columns, names: Iterable[str]) -> Columns:
    """Return the named features that ``rows`` has as arrays; flags become 0 and 1."""
    if isinstance(rows, Mapping):
        return {name: rows[name] for name in names if name in rows}
    at = {name: rows.schema.get_field_index(name) for name in names}
    return {name: _column(rows.column(place).combine_chunks()) for name, place in at.items() if place >= 0}


def indicator_values(indicator: Indicator, columns: Columns, count: int) -> Floats:
    """Return an indicator's measure; a sum skips unknown features and is unknown where all of them are."""
    present = [(name, factor) for name, factor in indicator.measure if name in columns]
    if len(indicator.measure) == 1 and present:
        return np.asarray(columns[present[0][0]] * present[0][1])
    total, known = np.zeros(count), np.zeros(count, dtype=bool)
    for name, factor in present:
        total += np.nan_to_num(columns[name], nan=0.0) * factor
        known |= ~np.isnan(columns[name])
    total[~known] = np.nan
    return total


def _column(column: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _fit(card: str, indicator: Indicator, rows: pa.Table | Columns) -> Indicator:
    columns = numpy_columns(rows, indicator.features)
    _check_columns(card, [indicator], columns)
    count = len(next(iter(columns.values()))) if columns else 0
    if isinstance(indicator.bands, QuantileBands):
        values = indicator_values(indicator, columns, count)
        indicator = replace(indicator, bands=fit_thresholds(indicator.bands, values))
    codes = _band_codes(indicator, columns, count)
    known = codes[codes != UNKNOWN]
    return indicator if known.size == 0 else replace(indicator, usual=float(known.mean()))


def _band_codes(indicator: Indicator, columns: Columns, count: int) -> BandCodes:
    if isinstance(indicator.bands, CategoryBands):
        name = indicator.measure[0][0]
        return assign_category_bands(columns[name], indicator.bands) if name in columns else np.zeros(count, np.int8)
    assert isinstance(indicator.bands, ThresholdBands), "score_card refuses a card with quantile bands"
    codes = assign_bands(indicator_values(indicator, columns, count), indicator.bands)
    if indicator.override is not None and indicator.override.feature in columns:
        override = indicator.override
        codes[meets_threshold(columns[override.feature], override.threshold)] = override.band
    return codes


def _check_columns(card: str, indicators: Iterable[Indicator], columns: Columns) -> None:
    required = (indicator for indicator in indicators if not indicator.optional)
    missing = sorted({name for indicator in required for name in indicator.features if name not in columns})
    if missing:
        raise CardError(
            f"{card}: the table has no column {', '.join(missing)}. Build it with `rapport features`, or mark"
            " the indicator “optional: true”."
        )


def _mean_band(card: Card, codes: BandCodes) -> tuple[Floats, Floats]:
    # Column by column, never a matrix product: a row's sum must not depend on the number of rows beside it.
    total, known = np.zeros(len(codes)), np.zeros(len(codes))
    for position, share in enumerate(card.weights.values()):
        total += share * codes[:, position]
        known += np.where(codes[:, position] == UNKNOWN, 0.0, share)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, total / known, np.nan), known

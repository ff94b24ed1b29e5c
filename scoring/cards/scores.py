"""Scores a table of features on a card: bands, score, tier, and parts that add up to the score exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.cards.bands import Floats, Marks, choose, fill, keeps, thresholds_at
from rapport.scoring.cards.indicator import BEST, UNKNOWN, WORST, Choices, Indicator, Quantiles, Thresholds, said

from rapport.errors import CardError

if TYPE_CHECKING:
    from rapport.scoring.cards.card import Card, Dimension

# A mean of bands that is 3.5 on paper may be 3.4999999999999996 in binary; tiers are cut after this rounding.
_DECIMALS = 9
NO_TIER = -1
_NOTHING = 1e-12


Columns = Mapping[str, npt.NDArray[Any]]
"""Features by name: numbers as float64 with NaN for unknown, categories as text with None for unknown."""


@dataclass(frozen=True)
class CardScores:
    """The scores of n rows on a card of k lines.

    `marks` are the bands, (n, k), 0 for unknown; `score` is NaN where all is unknown; `known` is the share of
    the weight that is known.
    """

    card: Card
    marks: Marks
    score: Floats
    known: Floats

    @property
    def bands(self) -> Floats:
        """The bands as numbers, NaN for unknown."""
        return np.where(self.marks == UNKNOWN, np.nan, self.marks)

    @property
    def weights(self) -> Floats:
        """Each line's share of the whole."""
        return np.array(list(self.card.weights.values()))

    @property
    def families(self) -> tuple[str, ...]:
        """Each line's family."""
        return self.card.families

    @property
    def features(self) -> tuple[str | None, ...]:
        """The one feature that each line reads, None for a sum of several."""
        return tuple(line.measure[0][0] if len(line.measure) == 1 else None for line in self.card)

    @cached_property
    def base(self) -> float:
        """The score of a customer who is usual in every line."""
        shares = self.card.weights.values()
        mean = sum(share * line.usual for share, line in zip(shares, self.card, strict=True))
        return float(on_scale(self.card, np.array(mean)))

    @cached_property
    def parts(self) -> Floats:
        """What each line adds: `base + parts.sum(axis=1)` is the score, row by row.

        A known line adds its re-weighted weight × (band - usual). When a line is unknown, the others count
        for more; what that moves is the unknown line's part, so that the sum stays exact.
        """
        step = (self.card.scale[1] - self.card.scale[0]) / (BEST - WORST)
        usual_of_known = self._mean_usual()
        parts = np.empty(self.marks.shape)
        for at, (share, line) in enumerate(zip(self.card.weights.values(), self.card, strict=True)):
            mark = self.marks[:, at]
            with np.errstate(invalid="ignore", divide="ignore"):
                moved = share / self.known * (mark - line.usual)
            parts[:, at] = np.where(mark == UNKNOWN, share * (usual_of_known - line.usual), moved) * step
        parts[self.known == 0] = 0.0
        return parts

    @property
    def unknown(self) -> npt.NDArray[np.bool_]:
        """Say which lines are unknown, (n, k)."""
        return np.asarray(self.marks == UNKNOWN)

    @cached_property
    def tiers(self) -> Marks:
        """The number of each row's tier, best first; -1 where nothing is known."""
        return tiers_of(self.card, self.score)

    @property
    def tier(self) -> list[str | None]:
        """Each row's tier by name, None where nothing is known."""
        return self.card.tiers_of(self.score)

    def to_table(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Table:
        """Give one row a customer: score, tier, known share, every band, card and its fingerprint."""
        names = pa.array([tier.name for tier in self.card.tiers])
        tiers = pa.DictionaryArray.from_arrays(pa.array(self.tiers, mask=self.tiers < 0), names)
        columns = {
            "customer_id": ids,
            "score": pa.array(self.score, mask=np.isnan(self.score)),
            "tier": tiers.cast(pa.string()),
            "known": pa.array(np.round(self.known, _DECIMALS)),
        }
        for at, line in enumerate(self.card):
            columns[f"band_{line.name}"] = pa.array(self.marks[:, at], mask=self.marks[:, at] == UNKNOWN)
        columns["card"] = pa.repeat(self.card.reference, len(self.score))
        columns["card_hash"] = pa.repeat(self.card.hash, len(self.score))
        return pa.table(columns)

    def strongest(self, count: int) -> tuple[npt.NDArray[np.intp], Floats]:
        """Give the lines that move each score most, and how far: the reasons, (n, count) each, greatest first.

        Between equal parts the line that stands first in the card goes first. What is unknown is no reason.
        """
        said_by = np.where(self.unknown, 0.0, self.parts)
        order = np.argsort(-np.abs(said_by), axis=1, kind="stable")[:, :count]
        return order, np.take_along_axis(said_by, order, axis=1)

    def reasons(self, count: int, language: str = "en") -> pa.Table:
        """Give each row's strongest lines in words, with their parts: reason_1, part_1, reason_2, …."""
        order, parts = self.strongest(count)
        labels = pa.array([said(line.label, language) for line in self.card])
        columns = {}
        for at in range(order.shape[1]):
            silent = np.abs(parts[:, at]) < _NOTHING
            places = pa.array(order[:, at].astype(np.int8), mask=silent)
            columns[f"reason_{at + 1}"] = pa.DictionaryArray.from_arrays(places, labels)
            columns[f"part_{at + 1}"] = pa.array(parts[:, at], mask=silent)
        return pa.table(columns)

    def by_dimension(self, dimension: Dimension) -> Floats:
        """Give the mean band of one dimension, NaN where all of it is unknown."""
        names = {line.name for line in dimension.indicators}
        return _mean(self.card, self.marks, [name in names for name in self.card.names])[0]

    def _mean_usual(self) -> Floats:
        total = np.zeros(len(self.known))
        for at, (share, line) in enumerate(zip(self.card.weights.values(), self.card, strict=True)):
            total += np.where(self.marks[:, at] == UNKNOWN, 0.0, share * line.usual)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / self.known)


def score(card: Card, rows: pa.Table | Columns) -> CardScores:
    """Score every row of features; an unknown value is left out, a lost feature is an error."""
    if card.pending:
        raise CardError(
            f"{card.reference}: {card.pending[0]} has quantile bands, which need the company's own history."
            " Fit the card to a snapshot first."
        )
    columns = columns_of(rows, card.features)
    _check_columns(card.reference, card, columns)
    count = len(next(iter(columns.values()))) if columns else 0
    marks = np.empty((count, len(card.indicators)), dtype=np.int8, order="F")
    for at, line in enumerate(card):
        marks[:, at] = _mark(line, columns, count)
    mean, known = _mean(card, marks, [True] * len(card.indicators))
    return CardScores(card, marks, on_scale(card, mean), known)


def fitted_line(card: str, line: Indicator, rows: pa.Table | Columns) -> Indicator:
    """Fit one line of the card called `card` to a company's rows: its thresholds, and its usual band."""
    columns = columns_of(rows, line.features)
    _check_columns(card, [line], columns)
    count = len(next(iter(columns.values()))) if columns else 0
    if isinstance(line.bands, Quantiles):
        line = replace(line, bands=thresholds_at(line.bands, measured(line, columns, count)))
    marks = _mark(line, columns, count)
    known = marks[marks != UNKNOWN]
    return line if known.size == 0 else replace(line, usual=float(known.mean()))


def tiers_of(card: Card, scores: Floats) -> Marks:
    """Cut scores into the card's tiers, best 0; -1 for an unknown score."""
    rounded = np.round(scores, _DECIMALS)
    tiers = np.full(rounded.shape, len(card.tiers) - 1, dtype=np.int8)
    for at in range(len(card.tiers) - 2, -1, -1):
        tiers[rounded >= float(card.tiers[at].floor or 0.0)] = at
    tiers[np.isnan(rounded)] = NO_TIER
    return tiers


def columns_of(rows: pa.Table | Columns, names: Iterable[str]) -> Columns:
    """Take the named features out of a table, those that it has; flags become 0 and 1."""
    if isinstance(rows, Mapping):
        return {name: rows[name] for name in names if name in rows}
    have = set(rows.column_names)
    return {name: _column(rows[name].combine_chunks()) for name in names if name in have}


def _column(column: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def measured(line: Indicator, columns: Columns, count: int) -> Floats:
    """Work out a line's measure; a sum leaves out what is unknown, and is unknown where all of it is."""
    present = [(name, factor) for name, factor in line.measure if name in columns]
    if len(line.measure) == 1 and present:
        return np.asarray(columns[present[0][0]] * present[0][1])
    total, known = np.zeros(count), np.zeros(count, dtype=bool)
    for name, factor in present:
        total += np.nan_to_num(columns[name], nan=0.0) * factor
        known |= ~np.isnan(columns[name])
    total[~known] = np.nan
    return total


def _mark(line: Indicator, columns: Columns, count: int) -> Marks:
    if isinstance(line.bands, Choices):
        name = line.measure[0][0]
        return choose(columns[name], line.bands) if name in columns else np.zeros(count, np.int8)
    assert isinstance(line.bands, Thresholds), "a card with quantiles was refused before"
    marks = fill(measured(line, columns, count), line.bands)
    if line.override is not None and line.override.feature in columns:
        marks[keeps(columns[line.override.feature], line.override.rung)] = line.override.rung.band
    return marks


def _check_columns(card: str, lines: Iterable[Indicator], columns: Columns) -> None:
    lost = sorted({name for line in lines if not line.optional for name in line.features if name not in columns})
    if lost:
        raise CardError(
            f"{card}: the table has no column {', '.join(lost)}. Build it with `rapport features`, or mark"
            " the indicator “optional: true”."
        )


def _mean(card: Card, marks: Marks, wanted: Sequence[bool]) -> tuple[Floats, Floats]:
    # Column by column, never a matrix product: a row's sum may not depend on how many rows stand beside it.
    total, known = np.zeros(len(marks)), np.zeros(len(marks))
    for at, share in enumerate(card.weights.values()):
        if wanted[at]:
            total += share * marks[:, at]
            known += np.where(marks[:, at] == UNKNOWN, 0.0, share)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, total / known, np.nan), known


def on_scale(card: Card, mean: Floats) -> Floats:
    """Put a mean of bands on the card's scale."""
    low, high = card.scale
    return low + (mean - WORST) * ((high - low) / (BEST - WORST))

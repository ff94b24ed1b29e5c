"""Lead grading: a fit card learned from won customers, and the grade from behaviour, fit and probability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.errors import CardError
from rapport.localized import LocalizedText
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.card import Card, Dimension
from rapport.scoring.cards.card_file import load_card
from rapport.scoring.cards.card_scores import CardScores, indicator_values, numpy_columns, score_card
from rapport.scoring.cards.indicator import UNKNOWN, CategoryBands, Indicator, Threshold, ThresholdBands

MIN_OUTCOMES = 20
"""The minimum number of won leads for a learned profile."""

# A value's win rate is shrunk towards the overall rate by this many leads, so that a rare value has little influence;
# its band depends on its lift over the overall rate.
_SHRINK = 20
_LIFTS = ((5, 1.5), (4, 1.15), (3, 0.85), (2, 0.5))
_BINS = 5


def learn_fit_card(rows: pa.Table, attributes: Sequence[str], written: Card | None = None) -> Card:
    """Learn a fit card from leads with a `label` (1: won): the profile of the won ones.

    `attributes` are columns of categories or numbers; each weighs by how well it separates won leads from others.
    """
    written = written or load_card("fit")
    won = np.asarray(rows["label"]) == 1
    if min(won.sum(), (~won).sum()) < MIN_OUTCOMES:
        raise CardError(
            f"{int(won.sum())} of {len(won)} leads were won; at least {MIN_OUTCOMES} won and {MIN_OUTCOMES} others are"
            " needed to learn a profile. Write a fit card by hand instead (`rapport card new fit`)."
        )
    lines = [line for name in attributes if (line := _learned(name, rows[name].combine_chunks(), won)) is not None]
    if not lines:
        raise CardError(f"None of {', '.join(attributes)} separates won leads from others. Keep the present profile.")
    profile = Dimension("profile", LocalizedText("Profile of won customers", "成交客户画像"), tuple(lines))
    return Card("fit", written.version + 1, written.label, (profile,), written.tiers, written.subject)


def grade_leads(
    behaviour: CardScores, fit: CardScores, model_percentile: Floats, card: Card | None = None
) -> CardScores:
    """Grade leads A to D from their behaviour score, fit score and the percentile of their probability (0 to 100)."""
    scores = {"behaviour_score": behaviour.score, "fit_score": fit.score, "model_percentile": model_percentile}
    return score_card(card or load_card("lead"), scores)


def behaviour_points(card: Card, rows: pa.Table) -> Floats:
    """Return the running total of a lead's points: the sums of the behaviour card, before they become bands."""
    columns, total = numpy_columns(rows, card.features), np.zeros(rows.num_rows)
    for indicator in card:
        if len(indicator.measure) > 1:
            total += np.nan_to_num(indicator_values(indicator, columns, rows.num_rows))
    return total


def fit_points(fit: CardScores) -> Floats:
    """Return the fit on 0 to 100; nan where nothing is known."""
    low, high = fit.card.scale
    return np.asarray(100.0 * (fit.score - low) / (high - low))


def grade_letters(scores: CardScores) -> list[str | None]:
    """Return the grade of each lead as a letter, A the best; None where nothing is known."""
    return [None if tier is None else tier.upper() for tier in scores.tier]


def _learned(name: str, column: pa.Array, won: npt.NDArray[np.bool_]) -> Indicator | None:
    bands: CategoryBands | ThresholdBands | None
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        bands, weight = _by_value(column.cast(pa.string()), won)
    else:
        bands, weight = _by_amount(np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)), won)
    if bands is None:
        return None
    short = name.removeprefix("attribute_")
    label = LocalizedText(short.replace("_", " ").capitalize(), short)
    points = round(100 * weight, 2) or 0.01
    return Indicator(short, label, "fit", points, ((name, 1.0),), bands, optional=True)


def _by_value(column: pa.Array, won: npt.NDArray[np.bool_]) -> tuple[CategoryBands | None, float]:
    encoded = column.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = np.asarray(pc.fill_null(encoded.indices, -1))
    wins, count = (np.bincount(codes[rows], minlength=len(names)) for rows in (won & (codes >= 0), codes >= 0))
    lift = _lift(wins, count, won)
    bands = [_band(each) for each in lift]
    grouped = tuple(
        (band, tuple(sorted(name for name, each in zip(names, bands, strict=True) if each == band)))
        for band in sorted(set(bands), reverse=True)
    )
    return (CategoryBands(grouped, UNKNOWN), _weight(lift, count)) if len(grouped) > 1 else (None, 0.0)


def _by_amount(values: Floats, won: npt.NDArray[np.bool_]) -> tuple[ThresholdBands | None, float]:
    """Cut an amount into fifths and keep the cuts at which the win rate continues in one direction."""
    known = ~np.isnan(values)
    if not known.any():
        return None, 0.0
    cuts = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1]))
    piece = np.searchsorted(cuts, values[known], side="right")
    wins, count = (np.bincount(piece[rows], minlength=len(cuts) + 1) for rows in (won[known], slice(None)))
    lift = _lift(wins, count, won)
    upward = bool(np.corrcoef(np.arange(len(lift)), lift)[0, 1] > 0) if len(lift) > 1 else True
    level = np.maximum.accumulate(lift) if upward else np.minimum.accumulate(lift)
    thresholds: dict[int, Threshold] = {}
    if upward:
        for cut, each in zip(cuts, level[1:], strict=True):
            thresholds.setdefault(_band(each), Threshold(_band(each), "at_least", float(cut)))
    else:
        for cut, each in zip(cuts[::-1], level[:-1][::-1], strict=True):
            thresholds.setdefault(_band(each), Threshold(_band(each), "below", float(cut)))
    kept = tuple(
        sorted((threshold for band, threshold in thresholds.items() if band > 1), key=lambda threshold: -threshold.band)
    )
    return (ThresholdBands(kept), _weight(level, count)) if kept and len(set(map(_band, level))) > 1 else (None, 0.0)


def _lift(wins: npt.NDArray[Any], count: npt.NDArray[Any], won: npt.NDArray[np.bool_]) -> Floats:
    base = won.mean()
    return np.asarray((wins + _SHRINK * base) / (count + _SHRINK) / base)


def _band(lift: float) -> int:
    return next((band for band, least in _LIFTS if lift >= least), 1)


def _weight(lift: Floats, count: npt.NDArray[Any]) -> float:
    """Return the weight of an attribute: the mean absolute log lift of its values."""
    return float(np.average(np.abs(np.log(np.maximum(lift, 1e-3))), weights=count))

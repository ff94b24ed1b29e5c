"""What grades a lead beside its behaviour: fit learned from won customers, and the grade from all three sides."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapport.history.contract import Words
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.card import Card, Dimension
from rapport.scoring.cards.indicator import UNKNOWN, Choices, Indicator, Rung, Thresholds
from rapport.scoring.cards.reading import load_card
from rapport.scoring.cards.scores import CardScores

from rapport.errors import CardError

FEWEST = 20
"""Fewer won leads than this teach no profile."""

# A value's rate of winning is drawn towards the rate of all by this many leads, so that a rare one says little; then
# it is banded by how many times better than all it is.
_SHRINK = 20
_LIFTS = ((5, 1.5), (4, 1.15), (3, 0.85), (2, 0.5))
_PIECES = 5


def learned_fit(rows: pa.Table, attributes: Sequence[str], written: Card | None = None) -> Card:
    """Write a fit card from leads with a `label` (1: won): what the won ones had in common becomes the profile.

    `attributes` are columns of categories or numbers; each weighs by how far it tells won leads from others.
    """
    written = written or load_card("fit")
    won = np.asarray(rows["label"]) == 1
    if min(won.sum(), (~won).sum()) < FEWEST:
        raise CardError(
            f"{int(won.sum())} of {len(won)} leads were won; at least {FEWEST} won and {FEWEST} others are needed to"
            " learn a profile. Write one instead (`rapport card new fit`)."
        )
    lines = [line for name in attributes if (line := _learned(name, rows[name].combine_chunks(), won)) is not None]
    if not lines:
        raise CardError(f"None of {', '.join(attributes)} tells won leads from others; keep the written profile.")
    profile = Dimension("profile", Words("Profile of won customers", "成交客户画像"), tuple(lines))
    return Card("fit", written.version + 1, written.label, (profile,), written.tiers, written.subject)


def lead_grades(
    behaviour: CardScores, fit: CardScores, model_percentile: Floats, card: Card | None = None
) -> CardScores:
    """Grade leads A to D from what they do, who they are, and where the model's probability puts them (0 to 100)."""
    sides = {"behaviour_score": behaviour.score, "fit_score": fit.score, "model_percentile": model_percentile}
    return (card or load_card("lead")).score(sides)


def _learned(name: str, column: pa.Array, won: npt.NDArray[np.bool_]) -> Indicator | None:
    bands: Choices | Thresholds | None
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        bands, weight = _by_value(column.cast(pa.string()), won)
    else:
        bands, weight = _by_amount(np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)), won)
    if bands is None:
        return None
    short = name.removeprefix("attribute_")
    label = Words(short.replace("_", " ").capitalize(), short)
    points = round(100 * weight, 2) or 0.01
    return Indicator(short, label, "fit", points, ((name, 1.0),), bands, optional=True)


def _by_value(column: pa.Array, won: npt.NDArray[np.bool_]) -> tuple[Choices | None, float]:
    encoded = column.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    place = np.asarray(pc.fill_null(encoded.indices, -1))
    wins, count = (np.bincount(place[rows], minlength=len(names)) for rows in (won & (place >= 0), place >= 0))
    lift = _lift(wins, count, won)
    bands = [_band(each) for each in lift]
    grouped = tuple(
        (band, tuple(sorted(name for name, each in zip(names, bands, strict=True) if each == band)))
        for band in sorted(set(bands), reverse=True)
    )
    return (Choices(grouped, UNKNOWN), _weight(lift, count)) if len(grouped) > 1 else (None, 0.0)


def _by_amount(values: Floats, won: npt.NDArray[np.bool_]) -> tuple[Thresholds | None, float]:
    """Cut an amount into fifths and keep those cuts at which the rate of winning goes on in one direction."""
    known = ~np.isnan(values)
    if not known.any():
        return None, 0.0
    cuts = np.unique(np.quantile(values[known], np.linspace(0, 1, _PIECES + 1)[1:-1]))
    piece = np.searchsorted(cuts, values[known], side="right")
    wins, count = (np.bincount(piece[rows], minlength=len(cuts) + 1) for rows in (won[known], slice(None)))
    lift = _lift(wins, count, won)
    upward = bool(np.corrcoef(np.arange(len(lift)), lift)[0, 1] > 0) if len(lift) > 1 else True
    level = np.maximum.accumulate(lift) if upward else np.minimum.accumulate(lift)
    rungs: dict[int, Rung] = {}
    if upward:
        for cut, each in zip(cuts, level[1:], strict=True):
            rungs.setdefault(_band(each), Rung(_band(each), "at_least", float(cut)))
    else:
        for cut, each in zip(cuts[::-1], level[:-1][::-1], strict=True):
            rungs.setdefault(_band(each), Rung(_band(each), "below", float(cut)))
    kept = tuple(sorted((rung for band, rung in rungs.items() if band > 1), key=lambda rung: -rung.band))
    return (Thresholds(kept), _weight(level, count)) if kept and len(set(map(_band, level))) > 1 else (None, 0.0)


def _lift(wins: npt.NDArray[Any], count: npt.NDArray[Any], won: npt.NDArray[np.bool_]) -> Floats:
    base = won.mean()
    return np.asarray((wins + _SHRINK * base) / (count + _SHRINK) / base)


def _band(lift: float) -> int:
    return next((band for band, least in _LIFTS if lift >= least), 1)


def _weight(lift: Floats, count: npt.NDArray[Any]) -> float:
    """Weigh an attribute by the mean distance of its values' rates from the rate of all, in logarithms."""
    return float(np.average(np.abs(np.log(np.maximum(lift, 1e-3))), weights=count))

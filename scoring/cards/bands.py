"""Bands: how a card file declares them, and how a column of values is assigned to them."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rapport.scoring.cards.indicator import (
    BOUNDS,
    MIDDLE,
    UNKNOWN,
    WORST,
    BoundKind,
    CategoryBands,
    QuantileBands,
    Threshold,
    ThresholdBands,
)

Floats = npt.NDArray[np.float64]
BandCodes = npt.NDArray[np.int8]

BOUND_SIGNS: Mapping[str, str] = dict(zip(BOUNDS, "≥>≤<", strict=True))
_COMPARE = {"at_least": np.greater_equal, "above": np.greater, "at_most": np.less_equal, "below": np.less}


def assign_bands(values: Floats, bands: ThresholdBands) -> BandCodes:
    """Return the band of every value; a missing value is unknown."""
    codes = np.full(values.shape, WORST, dtype=np.int8)
    for threshold in reversed(bands.thresholds):
        codes[_COMPARE[threshold.bound](values, threshold.value)] = threshold.band
    codes[np.isnan(values)] = UNKNOWN
    return codes


def meets_threshold(values: Floats, threshold: Threshold) -> npt.NDArray[np.bool_]:
    """Mark the values that meet the bound; a missing value does not."""
    return cast("npt.NDArray[np.bool_]", _COMPARE[threshold.bound](values, threshold.value))


def assign_category_bands(names: npt.NDArray[Any], bands: CategoryBands) -> BandCodes:
    """Return the band of every category; an unlisted one gets `otherwise`, a missing one is unknown."""
    band_of: dict[object, int] = {name: band for band, listed in bands.bands for name in listed}
    band_of |= {None: UNKNOWN}
    return np.array([band_of.get(name, bands.otherwise) for name in names], dtype=np.int8)


def fit_thresholds(quantiles: QuantileBands, values: Floats) -> ThresholdBands:
    """Turn quantiles into thresholds on these values.

    Bands whose quantiles have the same value are merged into the better one. Where all values are equal, or none is
    known, the indicator carries no information: every value that reaches it is in the middle band.
    """
    known = values[~np.isnan(values)]
    bound: BoundKind = "at_least" if quantiles.high_is_good else "at_most"
    if known.size == 0:
        return ThresholdBands((Threshold(MIDDLE, bound, 0.0),))
    thresholds: dict[float, Threshold] = {}
    for band, share in quantiles.shares:
        cut = float(np.quantile(known, share if quantiles.high_is_good else 1 - share, method="inverted_cdf"))
        thresholds.setdefault(cut, Threshold(band, bound, cut))
    everything = float(known.min() if quantiles.high_is_good else known.max())
    kept = tuple(threshold for cut, threshold in thresholds.items() if cut != everything)
    return ThresholdBands(kept or (Threshold(MIDDLE, bound, everything),))

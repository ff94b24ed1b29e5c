"""Bands: how a card file declares them, and how a column of values is assigned to them."""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.indicator import (
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

BOUNDS = ("at_least", "above", "at_most", "below")
BOUND_SIGNS = dict(zip(BOUNDS, "≥>≤<", strict=True))
_COMPARE = {"at_least": np.greater_equal, "above": np.greater, "at_most": np.less_equal, "below": np.less}


def read_bands(node: ConfigNode) -> ThresholdBands | QuantileBands | CategoryBands:
    """Read the bands of an indicator, in whichever of the three forms it uses."""
    forms = [form for form in ("bands", "quantiles", "values") if node.has(form)]
    if len(forms) != 1:
        raise node.error("give one of “bands” (thresholds), “quantiles” or “values” (categories).")
    for key, form in (("good", "quantiles"), ("otherwise", "values")):
        if node.has(key) and forms != [form]:
            raise node.error(f"“{key}” belongs to “{form}”, not to “{forms[0]}”.")
    readers: dict[str, Callable[[ConfigNode], ThresholdBands | QuantileBands | CategoryBands]]
    readers = {"bands": _threshold_bands, "quantiles": _quantile_bands, "values": _category_bands}
    return readers[forms[0]](node)


def read_threshold(band: ConfigNode, bound: ConfigNode) -> Threshold:
    """Read one band and its bound."""
    bound.keys((), BOUNDS)
    if len(bound.value) != 1:
        raise bound.error(f"give exactly one of {', '.join(BOUNDS)}.")
    key = next(iter(bound.value))
    return Threshold(_band(band), cast(BoundKind, key), bound.at(key).number())


def read_condition(
    node: ConfigNode, known: Collection[str] | None, others: tuple[str, ...] = ()
) -> tuple[str, Threshold | tuple[str, ...]]:
    """Read a feature with one bound, or with a list under one of ``others``; ``known`` are the features that exist."""
    node.keys(("feature",), (*others, *BOUNDS))
    bounds = [key for key in node.value if key != "feature"]
    if len(bounds) != 1:
        raise node.error(f"give exactly one of {', '.join((*others, *BOUNDS))}.")
    feature, (key,) = node.at("feature").name(), bounds
    if known is not None and feature not in known:
        raise node.error(f"there is no feature “{feature}”. docs/features.md lists all.")
    return feature, node.at(key).texts() if key in others else Threshold(0, key, node.at(key).number())


def check_falling(floors: Sequence[float], lines: Sequence[ConfigNode], what: str) -> None:
    """Refuse floors of tiers or grades that do not fall from line to line."""
    for higher, lower, line in zip(floors, floors[1:], lines[1:], strict=False):
        if lower >= higher:
            raise line.error(
                f"at_least {lower:g} is not below {higher:g} of the {what} above it. Write the best first."
            )


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


def _band(node: ConfigNode) -> int:
    # A bundle stores its card as JSON, whose keys are always text.
    if str(node.value) not in {"1", "2", "3", "4", "5"} or isinstance(node.value, bool):
        raise node.error(f"“{node.value}” is not a band; bands are 1 (worst) to 5 (best).")
    return int(node.value)


def _threshold_bands(node: ConfigNode) -> ThresholdBands:
    node = node.at("bands")
    thresholds = [read_threshold(ConfigNode(each.where, band), each) for band, each in node.items()]
    thresholds.sort(key=lambda threshold: -threshold.band)
    if thresholds[-1].band == WORST:
        raise node.error("band 1 is every value that reaches no other band; leave it out.")
    upward = thresholds[0].bound in ("at_least", "above")
    for better, worse in pairwise(thresholds):
        if worse.band == better.band:
            raise node.error(f"band {worse.band} is there twice; keep one of them.")
        if (worse.bound in ("at_least", "above")) is not upward:
            raise node.error("bounds from below and from above are mixed. Use at_least/above or at_most/below.")
        if worse.value == better.value or (worse.value < better.value) is not upward:
            raise node.error(
                f"band {worse.band} ({worse.bound} {worse.value:g}) can never be reached beside band"
                f" {better.band} ({better.bound} {better.value:g}). Thresholds have to"
                f" {'fall' if upward else 'rise'} from band 5 to band 2."
            )
    return ThresholdBands(tuple(thresholds))


def _quantile_bands(node: ConfigNode) -> QuantileBands:
    if not node.has("good"):
        raise node.error("quantiles need “good: high” or “good: low”.")
    high = node.at("good").one_of(("high", "low")) == "high"
    node = node.at("quantiles")
    shares = sorted(((_band(ConfigNode(each.where, band)), each.number()) for band, each in node.items()), reverse=True)
    if any(not 0 < share < 1 for _, share in shares):
        raise node.error("a quantile is a share between 0 and 1, such as 0.8 for the best fifth.")
    if any(better <= worse for (_, better), (_, worse) in pairwise(shares)):
        raise node.error("quantiles have to fall from band 5 to band 2, such as {5: 0.8, 4: 0.6, 3: 0.4, 2: 0.2}.")
    if shares[-1][0] == WORST:
        raise node.error("band 1 is every value that reaches no other band; leave it out.")
    return QuantileBands(tuple(shares), high)


def _category_bands(node: ConfigNode) -> CategoryBands:
    otherwise: object = node.value.get("otherwise", "unknown")
    other_band = UNKNOWN if otherwise == "unknown" else _band(node.at("otherwise"))
    node = node.at("values")
    bands = tuple((_band(ConfigNode(each.where, band)), each.texts()) for band, each in node.items())
    names = [name for _, names in bands for name in names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise node.error(f"“{twice[0]}” is in two bands. Keep it in one.")
    return CategoryBands(tuple(sorted(bands, reverse=True)), other_band)

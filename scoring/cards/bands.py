"""Bands: how they are written, and how a column of values is put into them, all rows at once."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from rapport.scoring.cards.indicator import MIDDLE, UNKNOWN, WORST, Bound, Choices, Quantiles, Rung, Thresholds
from rapport.scoring.cards.place import Place

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.int8]

_BOUNDS = ("at_least", "above", "at_most", "below")
_KEEPS = {"at_least": np.greater_equal, "above": np.greater, "at_most": np.less_equal, "below": np.less}


def read_bands(place: Place) -> Thresholds | Quantiles | Choices:
    """Read whichever of the three ways of banding a line uses."""
    ways = [way for way in ("bands", "quantiles", "values") if place.has(way)]
    if len(ways) != 1:
        raise place.wrong("give one of “bands” (thresholds), “quantiles” or “values” (categories).")
    for key, way in (("good", "quantiles"), ("otherwise", "values")):
        if place.has(key) and ways != [way]:
            raise place.wrong(f"“{key}” belongs to “{way}”, not to “{ways[0]}”.")
    readers: dict[str, Callable[[Place], Thresholds | Quantiles | Choices]]
    readers = {"bands": _thresholds, "quantiles": _quantiles, "values": _choices}
    return readers[ways[0]](place)


def read_rung(band: Place, bound: Place) -> Rung:
    """Read one band and its bound."""
    bound.keys((), _BOUNDS)
    if len(bound.value) != 1:
        raise bound.wrong(f"give exactly one of {', '.join(_BOUNDS)}.")
    key = next(iter(bound.value))
    return Rung(_band(band), cast(Bound, key), bound.at(key).number())


def fill(values: Floats, bands: Thresholds) -> Marks:
    """Put every value into its band; a missing value is in none."""
    filled = np.full(values.shape, WORST, dtype=np.int8)
    for rung in reversed(bands.rungs):
        filled[_KEEPS[rung.bound](values, rung.value)] = rung.band
    filled[np.isnan(values)] = UNKNOWN
    return filled


def keeps(values: Floats, rung: Rung) -> npt.NDArray[np.bool_]:
    """Say which values keep the bound; a missing one does not."""
    return cast("npt.NDArray[np.bool_]", _KEEPS[rung.bound](values, rung.value))


def choose(names: npt.NDArray[Any], choices: Choices) -> Marks:
    """Put every category into its band; one that is not listed is in `otherwise`, a missing one in none."""
    band_of: dict[Any, int] = {name: band for band, listed in choices.bands for name in listed}
    band_of |= {None: UNKNOWN}
    return np.array([band_of.get(name, choices.otherwise) for name in names], dtype=np.int8)


def thresholds_at(quantiles: Quantiles, values: Floats) -> Thresholds:
    """Turn quantiles into thresholds by what this table holds.

    Bands whose quantiles fall on one value are merged into the better of them. Where all values are the same,
    or none is known, the line says nothing: all that reach it are in the middle band.
    """
    known = values[~np.isnan(values)]
    bound: Bound = "at_least" if quantiles.high_is_good else "at_most"
    if known.size == 0:
        return Thresholds((Rung(MIDDLE, bound, 0.0),))
    rungs: dict[float, Rung] = {}
    for band, share in quantiles.shares:
        cut = float(np.quantile(known, share if quantiles.high_is_good else 1 - share, method="inverted_cdf"))
        rungs.setdefault(cut, Rung(band, bound, cut))
    everything = float(known.min() if quantiles.high_is_good else known.max())
    kept = tuple(rung for cut, rung in rungs.items() if cut != everything)
    return Thresholds(kept or (Rung(MIDDLE, bound, everything),))


def _band(place: Place) -> int:
    # JSON, in which a bundle keeps its card, has only text as keys.
    if str(place.value) not in {"1", "2", "3", "4", "5"} or isinstance(place.value, bool):
        raise place.wrong(f"“{place.value}” is no band; bands are 1 (worst) to 5 (best).")
    return int(place.value)


def _thresholds(place: Place) -> Thresholds:
    place = place.at("bands")
    rungs = [read_rung(Place(each.where, band), each) for band, each in place.items()]
    rungs.sort(key=lambda rung: -rung.band)
    if rungs[-1].band == WORST:
        raise place.wrong("band 1 is all that reaches no other band; leave it out.")
    upward = rungs[0].bound in ("at_least", "above")
    for better, worse in pairwise(rungs):
        if worse.band == better.band:
            raise place.wrong(f"band {worse.band} is there twice; keep one of them.")
        if (worse.bound in ("at_least", "above")) is not upward:
            raise place.wrong("bounds from below and from above are mixed. Use at_least/above or at_most/below.")
        if worse.value == better.value or (worse.value < better.value) is not upward:
            raise place.wrong(
                f"band {worse.band} ({worse.bound} {worse.value:g}) can never be reached beside band"
                f" {better.band} ({better.bound} {better.value:g}). Thresholds have to"
                f" {'fall' if upward else 'rise'} from band 5 to band 2."
            )
    return Thresholds(tuple(rungs))


def _quantiles(place: Place) -> Quantiles:
    if not place.has("good"):
        raise place.wrong("quantiles need “good: high” or “good: low”.")
    high = place.at("good").one_of(("high", "low")) == "high"
    place = place.at("quantiles")
    shares = sorted(((_band(Place(each.where, band)), each.number()) for band, each in place.items()), reverse=True)
    if any(not 0 < share < 1 for _, share in shares):
        raise place.wrong("a quantile is a share between 0 and 1, such as 0.8 for the best fifth.")
    if any(better <= worse for (_, better), (_, worse) in pairwise(shares)):
        raise place.wrong("quantiles have to fall from band 5 to band 2, such as {5: 0.8, 4: 0.6, 3: 0.4, 2: 0.2}.")
    if shares[-1][0] == WORST:
        raise place.wrong("band 1 is all that reaches no other band; leave it out.")
    return Quantiles(tuple(shares), high)


def _choices(place: Place) -> Choices:
    otherwise: Any = place.value.get("otherwise", "unknown")
    rest = UNKNOWN if otherwise == "unknown" else _band(place.at("otherwise"))
    place = place.at("values")
    bands = tuple((_band(Place(each.where, band)), each.texts()) for band, each in place.items())
    names = [name for _, names in bands for name in names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise place.wrong(f"“{twice[0]}” is in two bands. Keep it in one.")
    return Choices(tuple(sorted(bands, reverse=True)), rest)

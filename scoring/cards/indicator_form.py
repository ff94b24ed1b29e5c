"""How a card file writes an indicator: its measure, and its bands in one of three forms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, ValidateAs

from rapport.features.catalog.feature import FAMILIES
from rapport.localized import LocalizedText
from rapport.scoring.cards import config_models as config
from rapport.scoring.cards.config_errors import ConfigError
from rapport.scoring.cards.indicator import (
    BEST,
    UNKNOWN,
    USUAL,
    WORST,
    Band,
    Bound,
    CategoryBands,
    Indicator,
    Override,
    QuantileBands,
    ThresholdBands,
    check_band,
)

T = TypeVar("T")


def _each_band_once(written: object) -> object:
    names = [str(band) for band in written] if isinstance(written, dict) else []
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError("band_twice", band=twice[0])
    return written


def _best_first(bands: Mapping[int, T]) -> list[tuple[int, T]]:
    if WORST in bands:
        raise ConfigError("worst_band")
    return sorted(bands.items(), key=lambda each: -each[0])


def _thresholds(bands: Mapping[int, Bound]) -> ThresholdBands:
    found = ThresholdBands(tuple(replace(bound.threshold, band=band) for band, bound in _best_first(bands)))
    upward = found.high_is_good
    for better, worse in pairwise(found.thresholds):
        if (worse.bound in ("at_least", "above")) is not upward:
            raise ConfigError("mixed_bounds")
        if worse.value == better.value or (worse.value < better.value) is not upward:
            direction = LocalizedText("fall", "降低") if upward else LocalizedText("rise", "升高")
            raise ConfigError("unreachable_band", worse=worse, better=better, direction=direction)
    return found


def _shares(bands: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    if any(not 0 < share < 1 for share in bands.values()):
        raise ConfigError("not_a_quantile")
    shares = _best_first(bands)
    if any(better <= worse for (_, better), (_, worse) in pairwise(shares)):
        raise ConfigError("rising_quantiles")
    return tuple(shares)


def _categories(bands: Mapping[int, tuple[str, ...]]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    names = [name for listed in bands.values() for name in listed]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError("category_twice", name=twice[0])
    return tuple(sorted(bands.items(), reverse=True))


_ByBand = Annotated[dict[Band, T], config.NotEmpty, BeforeValidator(_each_band_once)]
_Thresholds = Annotated[ThresholdBands, ValidateAs(_ByBand[Bound], _thresholds)]
_Shares = Annotated[tuple[tuple[int, float], ...], ValidateAs(_ByBand[config.Number], _shares)]
_Categories = Annotated[tuple[tuple[int, tuple[str, ...]], ...], ValidateAs(_ByBand[config.Texts], _categories)]


_Otherwise = Annotated[int, BeforeValidator(lambda band: UNKNOWN if band == "unknown" else check_band(band))]


@dataclass(frozen=True)
class IndicatorForm(config.ConfigModel):
    """An indicator: its measure by `feature` or `sum`, its bands by `bands`, `quantiles` or `values`."""

    name: config.Name
    label: config.Localized
    family: Annotated[str, config.one_of(FAMILIES)]
    weight: Annotated[config.Number, config.in_range(0, math.inf, "negative_weight")]
    feature: config.Name | None = None
    sum: Annotated[dict[config.Name, config.Number], config.NotEmpty] | None = None
    bands: _Thresholds | None = None
    quantiles: _Shares | None = None
    good: Literal["high", "low"] | None = None
    values: _Categories | None = None
    otherwise: _Otherwise | None = None
    unless: Override | None = None
    usual: Annotated[config.Number, config.in_range(WORST, BEST, "usual_band")] = USUAL
    optional: config.Flag = False

    def indicator(self) -> Indicator:
        """Return the indicator."""
        return Indicator(
            self.name, self.label, self.family, self.weight, self._measure(), self._bands(), self.unless, self.usual,
            self.optional,
        )  # fmt: skip

    def _measure(self) -> tuple[tuple[str, float], ...]:
        if (self.feature is None) == (self.sum is None):
            raise ConfigError("feature_or_sum")
        if self.sum and self.values:
            raise ConfigError("values_of_sum")
        return tuple(self.sum.items()) if self.sum else ((self.feature or "", 1.0),)

    def _bands(self) -> ThresholdBands | QuantileBands | CategoryBands:
        forms = [form for form in ("bands", "quantiles", "values") if getattr(self, form) is not None]
        if len(forms) != 1:
            raise ConfigError("one_form")
        for key, form in (("good", "quantiles"), ("otherwise", "values")):
            if getattr(self, key) is not None and forms != [form]:
                raise ConfigError("other_form", key=key, form=form, found=forms[0])
        if self.quantiles:
            if self.good is None:
                raise ConfigError("good_missing")
            return QuantileBands(self.quantiles, self.good == "high")
        return self.bands or CategoryBands(self.values or (), self.otherwise or UNKNOWN)

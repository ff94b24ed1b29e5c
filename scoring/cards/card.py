"""The structure of a scorecard: dimensions of indicators, the score scale and the tiers."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, PlainSerializer, ValidateAs, ValidationInfo, model_validator

from rapport.history.contract import by_name
from rapport.localized import LocalizedText
from rapport.scoring.cards import config_models as config
from rapport.scoring.cards.bands import BandCodes, Floats
from rapport.scoring.cards.config_errors import MESSAGES, ConfigError, nearest
from rapport.scoring.cards.indicator import BEST, WORST, Indicator, QuantileBands
from rapport.scoring.cards.indicator_form import IndicatorForm

Signal = Literal["green", "amber", "red"]
Subject = Literal["customers", "leads", "opportunities"]
LEAD_SCORES = ("behaviour_score", "fit_score", "model_percentile")
"""What a card of leads may read besides features: the scores of its components."""
NO_TIER = -1
# A mean of bands that is 3.5 on paper may be 3.4999999999999996 in binary; tiers are cut after this rounding.
DECIMALS = 9


_WrittenIndicator = Annotated[
    Indicator, ValidateAs(IndicatorForm, IndicatorForm.indicator), PlainSerializer(Indicator.to_dict)
]


@dataclass(frozen=True)
class Dimension(config.ConfigModel):
    """A named group of indicators."""

    name: config.Name
    label: config.Localized
    indicators: Annotated[tuple[_WrittenIndicator, ...], config.NotEmpty]


@dataclass(frozen=True)
class Tier(config.ConfigModel):
    """A named range of the score; the lowest tier has no floor, so every score belongs to a tier."""

    name: config.Name
    label: config.Localized
    signal: Signal
    floor: Annotated[config.Number | None, Field(alias="at_least")] = None


def _check_tiers(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    *higher, lowest = (tier.floor for tier in tiers)
    if lowest is not None:
        raise ConfigError("lowest_floor", at=(len(higher),))
    if None in higher:
        raise ConfigError("floor_missing", at=(higher.index(None),))
    config.check_falling([floor for floor in higher if floor is not None], "tier")
    config.check_unique(tiers, "tier")
    return tiers


def _check_scale(ends: tuple[float, ...]) -> tuple[float, ...]:
    if len(ends) != 2 or ends[0] >= ends[1]:
        raise ConfigError("scale")
    return ends


def _features_of(subject: Subject, known: Collection[str]) -> Collection[str]:
    if subject == "opportunities":
        return [column.name for column in by_name("opportunities").columns]
    return [*known, *LEAD_SCORES] if subject == "leads" else known


def _check_features(indicators: Iterable[Indicator], known: Collection[str]) -> None:
    for indicator in indicators:
        for name in indicator.features:
            if name not in known and not indicator.optional:
                raise ConfigError("indicator_feature", indicator=indicator.name, name=name, near=nearest(name, known))


@dataclass(frozen=True)
class Card(config.ConfigModel):
    """A scorecard. ``scale`` holds the score of a customer in band 1 throughout and in band 5 throughout."""

    name: Annotated[config.Name, Field(alias="card")]
    version: config.Count
    label: config.Localized
    dimensions: Annotated[tuple[Dimension, ...], config.NotEmpty]
    tiers: Annotated[tuple[Tier, ...], config.NotEmpty, AfterValidator(_check_tiers)]
    subject: Annotated[Subject, Field(alias="of")] = "customers"
    scale: Annotated[tuple[config.Number, ...], AfterValidator(_check_scale)] = (1.0, 5.0)

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        config.check_unique(self, "indicator")
        config.check_unique(self.dimensions, "dimension")
        if sum(indicator.weight for indicator in self) <= 0:
            raise ConfigError("no_weight")
        low, high = self.scale
        for tier in self.tiers:
            if tier.floor is not None and not low < tier.floor <= high:
                raise ConfigError("unreachable_tier", tier=tier, low=low, high=high)
        if info.context is not None:
            _check_features(self, _features_of(self.subject, info.context))
        return self

    @cached_property
    def indicators(self) -> tuple[Indicator, ...]:
        """Return every indicator in the order of the file."""
        return tuple(indicator for dimension in self.dimensions for indicator in dimension.indicators)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of every indicator in the order of the file."""
        return tuple(indicator.name for indicator in self.indicators)

    @property
    def families(self) -> tuple[str, ...]:
        """Return the feature family of every indicator in the order of the file."""
        return tuple(indicator.family for indicator in self.indicators)

    @property
    def features(self) -> tuple[str, ...]:
        """Return every feature that the card reads, without duplicates."""
        return tuple(dict.fromkeys(name for indicator in self.indicators for name in indicator.features))

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Return every indicator's share of the total weight; the shares sum to 1."""
        total = sum(indicator.weight for indicator in self.indicators)
        return {indicator.name: indicator.weight / total for indicator in self.indicators}

    @property
    def notes(self) -> tuple[LocalizedText, ...]:
        """Return what the loader changed, such as normalised weights."""
        total = sum(indicator.weight for indicator in self.indicators)
        if abs(total - 100) < 1e-9:
            return ()
        return (MESSAGES.message("normalised", card=self.name, total=total),)

    @cached_property
    def hash(self) -> str:
        """Return the fingerprint of everything that decides a score; an edited card has another one."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reference(self) -> str:
        """Return name and version, as answers show them."""
        return f"{self.name}/{self.version}"

    @property
    def pending(self) -> tuple[str, ...]:
        """Return the indicators whose quantile bands are not yet fitted to the company's own rows."""
        return tuple(indicator.name for indicator in self.indicators if isinstance(indicator.bands, QuantileBands))

    def to_scale(self, mean_band: Floats) -> Floats:
        """Map a mean of bands (1 to 5) to the card's score scale."""
        low, high = self.scale
        return low + (mean_band - WORST) * ((high - low) / (BEST - WORST))

    def tier_codes(self, scores: Floats) -> BandCodes:
        """Return the tier number of each score, best 0; ``NO_TIER`` for an unknown score."""
        rounded = np.round(scores, DECIMALS)
        codes = np.full(rounded.shape, len(self.tiers) - 1, dtype=np.int8)
        for position in range(len(self.tiers) - 2, -1, -1):
            codes[rounded >= float(self.tiers[position].floor or 0.0)] = position
        codes[np.isnan(rounded)] = NO_TIER
        return codes

    def tier_names(self, scores: Floats) -> list[str | None]:
        """Return the tier name of each score, None for an unknown score."""
        names: list[str | None] = [*(tier.name for tier in self.tiers), None]
        return [names[code] for code in self.tier_codes(scores)]

    def tier_of(self, name: str) -> Tier:
        """Return the tier called ``name``."""
        return next(tier for tier in self.tiers if tier.name == name)

    def with_indicators(self, change: Callable[[Indicator], Indicator]) -> "Card":
        """Return the card with every indicator changed."""
        dimensions = (replace(each, indicators=tuple(map(change, each.indicators))) for each in self.dimensions)
        return replace(self, dimensions=tuple(dimensions))

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators)

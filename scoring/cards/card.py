"""The structure of a scorecard: dimensions of indicators, the score scale and the tiers."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from rapport.localized import LocalizedText
from rapport.scoring.cards.bands import BandCodes, Floats
from rapport.scoring.cards.indicator import BEST, WORST, Indicator, QuantileBands

Signal = Literal["green", "amber", "red"]
NO_TIER = -1
# A mean of bands that is 3.5 on paper may be 3.4999999999999996 in binary; tiers are cut after this rounding.
DECIMALS = 9


@dataclass(frozen=True)
class Dimension:
    """A named group of indicators."""

    name: str
    label: LocalizedText
    indicators: tuple[Indicator, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the dimension in the format of a card file."""
        indicators = [indicator.to_dict() for indicator in self.indicators]
        return {"name": self.name, "label": self.label.to_dict(), "indicators": indicators}


@dataclass(frozen=True)
class Tier:
    """A named range of the score; the lowest tier has no floor, so every score belongs to a tier."""

    name: str
    label: LocalizedText
    signal: Signal
    floor: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the tier in the format of a card file."""
        tier = {"name": self.name, "label": self.label.to_dict(), "signal": self.signal}
        return tier if self.floor is None else tier | {"at_least": self.floor}


@dataclass(frozen=True)
class Card:
    """A scorecard. ``scale`` holds the score of a customer in band 1 throughout and in band 5 throughout."""

    name: str
    version: int
    label: LocalizedText
    dimensions: tuple[Dimension, ...]
    tiers: tuple[Tier, ...]
    subject: str = "customers"
    scale: tuple[float, float] = (1.0, 5.0)

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
        return (
            LocalizedText(
                f"{self.name}: the weights sum to {total:g} and are normalised to 100.",
                f"{self.name}：权重合计 {total:g}，已折算为 100。",
            ),
        )

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

    def to_dict(self) -> dict[str, Any]:
        """Return the card in the format of a card file; reading that returns an equal card."""
        head = {"card": self.name, "version": self.version, "label": self.label.to_dict(), "of": self.subject}
        body = {"scale": list(self.scale), "dimensions": [dimension.to_dict() for dimension in self.dimensions]}
        return head | body | {"tiers": [tier.to_dict() for tier in self.tiers]}

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators)

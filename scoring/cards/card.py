"""What a scorecard is: dimensions of indicators, and tiers above them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
from rapport.history.contract import Words
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.indicator import Indicator, Quantiles
from rapport.scoring.cards.scores import CardScores, Columns, fitted_line, score, tiers_of

Signal = Literal["green", "amber", "red"]


@dataclass(frozen=True)
class Dimension:
    """A group of indicators that is read together."""

    name: str
    label: Words
    indicators: tuple[Indicator, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the dimension as a card file writes it."""
        lines = [line.to_dict() for line in self.indicators]
        return {"name": self.name, "label": vars(self.label), "indicators": lines}


@dataclass(frozen=True)
class Tier:
    """A range of the score with a name; the lowest tier has no floor, so that no score falls between two."""

    name: str
    label: Words
    signal: Signal
    floor: float | None

    def to_dict(self) -> dict[str, Any]:
        """Give the tier as a card file writes it."""
        tier = {"name": self.name, "label": vars(self.label), "signal": self.signal}
        return tier if self.floor is None else tier | {"at_least": self.floor}


@dataclass(frozen=True)
class Card:
    """A scorecard as business people write it. `scale` is the score at band 1 and at band 5 throughout."""

    name: str
    version: int
    label: Words
    dimensions: tuple[Dimension, ...]
    tiers: tuple[Tier, ...]
    subject: str = "customers"
    scale: tuple[float, float] = (1.0, 5.0)

    @cached_property
    def indicators(self) -> tuple[Indicator, ...]:
        """List every line in the order of the file."""
        return tuple(line for dimension in self.dimensions for line in dimension.indicators)

    @property
    def names(self) -> tuple[str, ...]:
        """Name every line in the order of the file."""
        return tuple(line.name for line in self.indicators)

    @property
    def families(self) -> tuple[str, ...]:
        """Name the family of every line in the order of the file."""
        return tuple(line.family for line in self.indicators)

    @property
    def features(self) -> tuple[str, ...]:
        """Name every feature the card reads, once."""
        return tuple(dict.fromkeys(name for line in self.indicators for name in line.features))

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Give every line's share of the whole; the shares come to 1."""
        total = sum(line.weight for line in self.indicators)
        return {line.name: line.weight / total for line in self.indicators}

    @property
    def notes(self) -> tuple[Words, ...]:
        """Say what was changed in reading the card."""
        total = sum(line.weight for line in self.indicators)
        if abs(total - 100) < 1e-9:
            return ()
        return (
            Words(
                f"{self.name}: the weights come to {total:g} and are normalised to 100.",
                f"{self.name}：权重合计 {total:g}，已折算为 100。",
            ),
        )

    @cached_property
    def hash(self) -> str:
        """Give the fingerprint of all that decides a score: an edited card is never taken for the old one."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reference(self) -> str:
        """Give name and version as answers carry them."""
        return f"{self.name}/{self.version}"

    @property
    def pending(self) -> tuple[str, ...]:
        """Name the lines whose bands still wait for the company's own quantiles."""
        return tuple(line.name for line in self.indicators if isinstance(line.bands, Quantiles))

    def score(self, rows: pa.Table | Columns) -> CardScores:
        """Score every row of features; an unknown value is left out, a lost feature is an error."""
        return score(self, rows)

    def fitted(self, rows: pa.Table | Columns) -> "Card":
        """Fit to a company: quantiles become thresholds, each line's usual band its mean in these rows."""
        parts = (
            replace(part, indicators=tuple(fitted_line(self.reference, line, rows) for line in part.indicators))
            for part in self.dimensions
        )
        return replace(self, dimensions=tuple(parts))

    def tiers_of(self, scores: Floats) -> list[str | None]:
        """Name the tier of each score, None for an unknown one."""
        names: list[str | None] = [*(tier.name for tier in self.tiers), None]
        return [names[at] for at in tiers_of(self, scores)]

    def tier_of(self, name: str) -> Tier:
        """Find a tier by name."""
        return next(tier for tier in self.tiers if tier.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Give the card as its file writes it; reading that back gives the same card."""
        head = {"card": self.name, "version": self.version, "label": vars(self.label), "of": self.subject}
        body = {"scale": list(self.scale), "dimensions": [part.to_dict() for part in self.dimensions]}
        return head | body | {"tiers": [tier.to_dict() for tier in self.tiers]}

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators)

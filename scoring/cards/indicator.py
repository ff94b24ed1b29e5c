"""One line of a scorecard: a measure, its bands from 1 to 5, and its weight."""

from dataclasses import dataclass
from typing import Any, Literal

from rapport.history.contract import Words

BEST, MIDDLE, WORST = 5, 3, 1
UNKNOWN = 0
USUAL = float(MIDDLE)

Bound = Literal["at_least", "above", "at_most", "below"]


def said(words: Words, language: str) -> str:
    """Give the text in `language`; anything but Chinese reads English."""
    return words.zh if language == "zh" else words.en


@dataclass(frozen=True)
class Rung:
    """A band and the bound that a value must keep to reach it."""

    band: int
    bound: Bound
    value: float


@dataclass(frozen=True)
class Thresholds:
    """Bands by bounds in one direction, best first; what keeps none of them is in band 1."""

    rungs: tuple[Rung, ...]

    @property
    def high_is_good(self) -> bool:
        """Say whether more of the measure means a better band."""
        return self.rungs[0].bound in ("at_least", "above")

    def to_dict(self) -> dict[str, Any]:
        """Give the bands as a card file writes them."""
        return {"bands": {rung.band: {rung.bound: rung.value} for rung in self.rungs}}


@dataclass(frozen=True)
class Quantiles:
    """Bands by the company's own history: they become thresholds when the card is fitted to a table."""

    shares: tuple[tuple[int, float], ...]
    high_is_good: bool

    def to_dict(self) -> dict[str, Any]:
        """Give the bands as a card file writes them."""
        return {"quantiles": dict(self.shares), "good": "high" if self.high_is_good else "low"}


@dataclass(frozen=True)
class Choices:
    """Bands by the value of a category."""

    bands: tuple[tuple[int, tuple[str, ...]], ...]
    otherwise: int

    def to_dict(self) -> dict[str, Any]:
        """Give the bands as a card file writes them."""
        values = {band: list(names) for band, names in self.bands}
        return {"values": values, "otherwise": self.otherwise or "unknown"}


@dataclass(frozen=True)
class Override:
    """A fact that sets the band whatever the measure says, such as a cancelled order."""

    feature: str
    rung: Rung

    def to_dict(self) -> dict[str, Any]:
        """Give the override as a card file writes it."""
        return {"band": self.rung.band, "feature": self.feature, self.rung.bound: self.rung.value}


@dataclass(frozen=True)
class Indicator:
    """One line of a card. Its measure is a feature, or a sum of features each times a factor."""

    name: str
    label: Words
    family: str
    weight: float
    measure: tuple[tuple[str, float], ...]
    bands: Thresholds | Quantiles | Choices
    override: Override | None = None
    usual: float = USUAL
    optional: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Name every feature that this line reads."""
        named = tuple(name for name, _ in self.measure)
        return named if self.override is None else (*named, self.override.feature)

    def to_dict(self) -> dict[str, Any]:
        """Give the line as a card file writes it."""
        single = len(self.measure) == 1 and self.measure[0][1] == 1.0
        shape: dict[str, Any] = {"feature": self.measure[0][0]} if single else {"sum": dict(self.measure)}
        line = {"name": self.name, "label": vars(self.label), "family": self.family, "weight": self.weight}
        line |= shape | self.bands.to_dict() | {"usual": self.usual}
        if self.override is not None:
            line["unless"] = self.override.to_dict()
        return line | ({"optional": True} if self.optional else {})

"""One indicator of a scorecard: a measure, its bands from 1 to 5, and its weight."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, model_validator

from rapport.localized import LocalizedText
from rapport.scoring.cards.config_errors import ConfigError
from rapport.scoring.cards.config_models import ConfigModel, FeatureName, Name, Number

BEST, MIDDLE, WORST = 5, 3, 1
UNKNOWN = 0
USUAL = float(MIDDLE)

BoundKind = Literal["at_least", "above", "at_most", "below"]
BOUNDS: tuple[BoundKind, ...] = get_args(BoundKind)


def check_band(value: object) -> int:
    """Return a band, which is 1 to 5."""
    # A bundle stores its card as JSON, whose keys are always text.
    if str(value) not in {"1", "2", "3", "4", "5"}:
        raise ConfigError("not_a_band", value=value)
    return int(str(value))


Band = Annotated[int, BeforeValidator(check_band)]


@dataclass(frozen=True)
class Threshold:
    """A band and the bound that a value must meet to reach it."""

    band: int
    bound: BoundKind
    value: float


@dataclass(frozen=True, kw_only=True)
class Bound(ConfigModel):
    """A bound as files write it: exactly one of the four."""

    at_least: Number | None = None
    above: Number | None = None
    at_most: Number | None = None
    below: Number | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check_one_of(*BOUNDS)
        return self

    def check_one_of(self, *keys: str) -> None:
        """Refuse any number of values under these keys but one."""
        if sum(getattr(self, key) is not None for key in keys) != 1:
            raise ConfigError("one_bound", keys=", ".join(keys))

    @cached_property
    def threshold(self) -> Threshold:
        """Return the bound of no band."""
        bound = next(each for each in BOUNDS if getattr(self, each) is not None)
        return Threshold(UNKNOWN, bound, getattr(self, bound))


@dataclass(frozen=True, kw_only=True)
class Condition(Bound):
    """A feature, and the bound that it must meet."""

    feature: FeatureName


@dataclass(frozen=True, kw_only=True)
class Override(Bound):
    """A condition on another feature that sets the band whatever the measure is, such as a cancelled order."""

    band: Band
    feature: Name


@dataclass(frozen=True)
class ThresholdBands:
    """Bands by thresholds in one direction, best first; a value that meets none is in band 1."""

    thresholds: tuple[Threshold, ...]

    @property
    def high_is_good(self) -> bool:
        """Tell whether a higher value means a better band."""
        return self.thresholds[0].bound in ("at_least", "above")

    def to_dict(self) -> dict[str, Any]:
        """Return the bands in the format of a card file."""
        return {"bands": {threshold.band: {threshold.bound: threshold.value} for threshold in self.thresholds}}


@dataclass(frozen=True)
class QuantileBands:
    """Bands by quantiles of the company's own rows: `fit_bands` turns them into thresholds."""

    shares: tuple[tuple[int, float], ...]
    high_is_good: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the bands in the format of a card file."""
        return {"quantiles": dict(self.shares), "good": "high" if self.high_is_good else "low"}


@dataclass(frozen=True)
class CategoryBands:
    """Bands by the value of a category."""

    bands: tuple[tuple[int, tuple[str, ...]], ...]
    otherwise: int

    def to_dict(self) -> dict[str, Any]:
        """Return the bands in the format of a card file."""
        values = {band: list(names) for band, names in self.bands}
        return {"values": values, "otherwise": self.otherwise or "unknown"}


@dataclass(frozen=True)
class Indicator:
    """One indicator of a card. Its measure is a feature, or a sum of features each times a factor."""

    name: str
    label: LocalizedText
    family: str
    weight: float
    measure: tuple[tuple[str, float], ...]
    bands: ThresholdBands | QuantileBands | CategoryBands
    override: Override | None = None
    usual: float = USUAL
    optional: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Return every feature that the indicator reads."""
        measured = tuple(name for name, _ in self.measure)
        return measured if self.override is None else (*measured, self.override.feature)

    def to_dict(self) -> dict[str, Any]:
        """Return the indicator in the format of a card file."""
        single = len(self.measure) == 1 and self.measure[0][1] == 1.0
        measure: dict[str, object] = {"feature": self.measure[0][0]} if single else {"sum": dict(self.measure)}
        stored = {"name": self.name, "label": self.label.as_written(), "family": self.family, "weight": self.weight}
        stored |= measure | self.bands.to_dict() | {"usual": self.usual}
        if self.override is not None:
            stored["unless"] = self.override.to_dict()
        return stored | ({"optional": True} if self.optional else {})

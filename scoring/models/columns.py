"""The metadata of a feature that a bundle stores, so that scoring needs no feature catalog."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from rapport.localized import LocalizedText, localize
from rapport.scoring.models.stored_values import frozen

CATEGORY = "category"
OTHER = "(other)"
"""The last level of a category: every value that is too rare in training to have a level, or not in it at all."""


@dataclass(frozen=True)
class FeatureColumn:
    """One feature as the model reads it; ``direction`` is its effect on the bundle's target.

    ``level_rates`` are the outcome rates of a category's levels in training (None: too few customers), ``overall_rate``
    that of all rows with a known value.
    """

    name: str
    family: str
    unit: str
    direction: int
    actionable: bool
    en: str
    zh: str
    levels: tuple[str, ...] = ()
    outbound: bool = False
    level_rates: tuple[float | None, ...] = ()
    overall_rate: float | None = None
    further: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The meaning in further languages, where it names a word of the company."""

    @cached_property
    def is_category(self) -> bool:
        """Tell whether its values are categories, not numbers."""
        return self.unit == CATEGORY

    def code(self, category: str | None) -> float:
        """Return the position of a category among the levels: that of the others, or else nan, for one without."""
        return level_codes(self.levels)(category)

    def rate(self, category: str | None) -> float | None:
        """Return the outcome rate of a category in training; None if it is not known well enough."""
        code = self.code(category)
        return self.level_rates[int(code)] if code == code and self.level_rates else None

    @property
    def text(self) -> LocalizedText:
        """Return the meaning of the feature."""
        return LocalizedText.from_dict({**self.further, "en": self.en, "zh": self.zh})

    def meaning(self, language: str) -> str:
        """Return the meaning of the feature in a language."""
        return localize(self.text, language)

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON."""
        return {name: value for name, value in asdict(self).items() if value or name != "further"}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "FeatureColumn":
        """Load what ``to_dict`` returned."""
        return cls(**frozen(stored))


def level_codes(levels: Sequence[str]) -> Callable[[str | None], float]:
    """Return the function from a category to its position among the levels; nan where it is unknown."""
    codes = {level: float(position) for position, level in enumerate(levels)}
    other = codes.get(OTHER, float("nan"))
    return lambda category: float("nan") if category is None else codes.get(category, other)


def feature_columns(
    features: Sequence[Any], target: str, *, levels: Mapping[str, Sequence[str]] | None = None
) -> tuple[FeatureColumn, ...]:
    """Return the columns of a catalog for ``target``; ``levels`` holds the known values of each category."""
    known = levels or {}
    return tuple(
        FeatureColumn(
            name=feature.name,
            family=feature.family,
            unit=feature.unit,
            direction=_direction(feature, target),
            actionable=feature.actionable,
            en=feature.meaning.en,
            zh=feature.meaning.zh,
            levels=tuple(known.get(feature.name, ())),
            outbound=feature.outbound,
            further=dict(feature.meaning.further),
        )
        for feature in features
    )


def _direction(feature: Any, target: str) -> int:
    # We contact most the customers at risk, or those who buy anyway; a model must not learn from this that our contact
    # makes a customer safe. The direction becomes a monotone constraint of the trees and of the logistic regression.
    declared: int = feature.direction_on(target)
    return 1 if feature.outbound and target == "churn" else declared

"""The metadata of a feature that a bundle stores, so that scoring needs no feature catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

CATEGORY = "category"


@dataclass(frozen=True)
class FeatureColumn:
    """One feature as the model reads it; ``direction`` is its effect on the bundle's target."""

    name: str
    family: str
    unit: str
    direction: int
    actionable: bool
    en: str
    zh: str
    levels: tuple[str, ...] = ()
    outbound: bool = False

    @property
    def is_category(self) -> bool:
        """Tell whether its values are categories, not numbers."""
        return self.unit == CATEGORY

    def code(self, category: str | None) -> float:
        """Return the position of a category among the levels; nan for one that training never saw."""
        return float(self.levels.index(category)) if category in self.levels else float("nan")

    def meaning(self, language: str) -> str:
        """Return the meaning of the feature, in English or Chinese."""
        return self.zh if language == "zh" else self.en

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON."""
        return asdict(self) | {"levels": list(self.levels)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "FeatureColumn":
        """Load what ``to_dict`` returned."""
        return cls(**{**stored, "levels": tuple(stored["levels"])})


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
        )
        for feature in features
    )


def _direction(feature: Any, target: str) -> int:
    # We contact most the customers at risk, or those who buy anyway; a model must not learn from this that our contact
    # makes a customer safe. The direction becomes a monotone constraint of the trees and of the logistic regression.
    declared: int = feature.direction_on(target)
    return 1 if feature.outbound and target == "churn" else declared

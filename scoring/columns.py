"""What a bundle remembers of a feature, so that it can be read and worded without the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

CATEGORY = "category"


@dataclass(frozen=True)
class Column:
    """One feature as the model reads it; ``direction`` is on the bundle's own target."""

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
        """Tell whether its values are words, not numbers."""
        return self.unit == CATEGORY

    def code(self, word: str | None) -> float:
        """Give a word's place among the levels; nan for one that was never seen in training."""
        return float(self.levels.index(word)) if word in self.levels else float("nan")

    def meaning(self, language: str) -> str:
        """Say what the feature is, in English or Chinese."""
        return self.zh if language == "zh" else self.en

    def to_dict(self) -> dict[str, Any]:
        """Give the column as JSON takes it."""
        return asdict(self) | {"levels": list(self.levels)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Column":
        """Read what ``to_dict`` wrote."""
        return cls(**{**stored, "levels": tuple(stored["levels"])})


def columns_of(
    features: Sequence[Any], target: str, *, levels: Mapping[str, Sequence[str]] | None = None
) -> tuple[Column, ...]:
    """Copy the features of a catalog for ``target``; ``levels`` names the known values of each category."""
    known = levels or {}
    return tuple(
        Column(
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
    # We call most those whom we fear to lose, or call on those who buy anyway; either way a model may not learn that a
    # call of ours makes a customer safe. The direction becomes a constraint of the trees and of the line.
    declared: int = feature.direction_on(target)
    return 1 if feature.outbound and target == "churn" else declared

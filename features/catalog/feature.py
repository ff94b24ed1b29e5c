"""A feature: a declared column with its name, meaning, unit, expected directions and measure."""

from __future__ import annotations

from dataclasses import dataclass

from rapport.features.measures import Measure
from rapport.localized import LocalizedText

FAMILIES = (
    "recency", "rhythm", "frequency", "value", "trend", "engagement", "relationship", "service", "satisfaction",
    "payment", "risk", "marketing", "opportunity", "contract", "fit", "sentiment", "tenure",
)  # fmt: skip
"""The groups of features and of reasons, in display order."""

UNITS = ("days", "count", "money", "ratio", "share", "hours", "score", "per_month", "flag", "category")


@dataclass(frozen=True)
class Feature:
    """One declared column.

    ``if_no_events`` is the value when nothing happened (0, or null for "never").
    ``direction`` is the expected effect of a larger value on the churn probability: +1, -1, or 0 for unknown; it
    becomes a monotone constraint. ``conversion_direction`` is the same for a lead's conversion probability.
    ``actionable``: the company itself can change it. ``outbound``: the company's own activity, which is never shown as
    lowering a risk. Features without a measure name where they are read from: ``relatives`` a column of the customer
    tree, ``attribute`` a column of ``customers``, ``touch`` the first or last touch and its column.
    """

    name: str
    family: str
    unit: str
    meaning: LocalizedText
    measure: Measure | None
    if_no_events: float | None = None
    direction: int = 0
    conversion_direction: int = 0
    actionable: bool = False
    outbound: bool = False
    relatives: str | None = None
    attribute: str | None = None
    touch: tuple[str, str] | None = None

    @property
    def streams(self) -> frozenset[str]:
        """Return the names of the event streams it reads."""
        if self.measure is None:
            return frozenset()
        return frozenset(each.partial.stream for each in self.measure.window_aggregates())

    @property
    def is_category(self) -> bool:
        """Return whether its values are categories rather than numbers."""
        return self.unit == "category"

    def direction_on(self, target: str) -> int:
        """Return the expected effect of a larger value on the probability of ``target``."""
        return self.conversion_direction if target == "conversion" else self.direction

"""What a feature is: a value that says its name, meaning, unit, direction and measure."""

from __future__ import annotations

from dataclasses import dataclass

from rapport.features.measures import Measure
from rapport.history.contract import Words

FAMILIES = (
    "recency", "rhythm", "frequency", "value", "trend", "engagement", "relationship", "service", "satisfaction",
    "payment", "risk", "marketing", "opportunity", "contract", "fit", "sentiment", "tenure",
)  # fmt: skip
"""The groups in which features are declared and reasons are given, in the order in which they are shown."""

UNITS = ("days", "count", "money", "ratio", "share", "hours", "score", "per_month", "flag", "category")


@dataclass(frozen=True)
class Feature:
    """One declared column.

    ``if_no_events`` is what the measure gives when nothing happened (0, or null for "never").
    ``direction`` is the expected effect of a larger value on the risk of leaving: +1, -1, or 0 for unknown; it becomes
    a monotone constraint. ``buying`` is the same for a lead's chance of a first order.
    ``actionable`` says whether the company itself can change it; ``outbound`` marks our own activity, which may never
    be shown as lowering a risk. ``relatives`` names what is told of the customer tree instead of a measure (``kin``).
    """

    name: str
    family: str
    unit: str
    meaning: Words
    measure: Measure | None
    if_no_events: float | None = None
    direction: int = 0
    buying: int = 0
    actionable: bool = False
    outbound: bool = False
    relatives: str | None = None

    @property
    def is_attribute(self) -> bool:
        """Return whether it is a fixed attribute of the customer."""
        return self.measure is None and self.relatives is None

    @property
    def streams(self) -> frozenset[str]:
        """Return the names of the streams it reads."""
        return frozenset(leaf.partial.stream for leaf in self.measure.leaves()) if self.measure else frozenset()

    @property
    def is_category(self) -> bool:
        """Return whether its values are names rather than numbers."""
        return self.unit == "category"

    def direction_on(self, target: str) -> int:
        """Return the direction of a larger value on the probability of ``target``."""
        return self.buying if target == "conversion" else self.direction

"""The parts of the committee: each says a log-odds and splits it exactly by feature and family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from rapport.scoring.matrix import Floats, Matrix
from rapport.scoring.sums import across


@dataclass(frozen=True)
class Reading:
    """What one expert says of some rows: ``logit == mean + by_feature.sum(1) + by_family.sum(1)``.

    Parameters
    ----------
    mean : the expert's average logit over the reference population.
    by_feature : rows x columns of the bundle, or nothing.
    by_family : evidence that belongs to a family as a whole, as the rhythm model's own term does.
    """

    mean: float
    by_feature: Floats | None
    by_family: Mapping[str, Floats]

    def logit(self) -> Floats:
        """Add the parts up, always in the same order."""
        total = self.mean + (0.0 if self.by_feature is None else across(self.by_feature))
        for part in self.by_family.values():
            total = total + part
        return total  # type: ignore[return-value]  # an expert always has one of the two kinds of evidence


class Expert(Protocol):
    """A part of the committee; it is frozen, and its evidence is centred on a reference population."""

    @property
    def name(self) -> str:
        """Name the part, as the blend's weights do."""

    @property
    def is_card(self) -> bool:
        """Tell whether this part is the company's own rule."""

    def read(self, rows: Matrix) -> Reading:
        """Say the logit of each row, and why."""

    def centred_on(self, rows: Matrix) -> Self:
        """Give the same expert with its evidence centred on ``rows``."""

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""

    def files(self) -> dict[str, str]:
        """Give the texts that stand in files of their own."""

"""The protocol of an ensemble member, and what it returns: log-odds split exactly by feature and family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.stable_sum import row_sums


@dataclass(frozen=True)
class Contributions:
    """One member's prediction for some rows: ``logit == mean + by_feature.sum(1) + by_family.sum(1)``.

    Parameters
    ----------
    mean : the member's average logit over the reference population.
    by_feature : rows x columns of the bundle, or None.
    by_family : contributions of a family as a whole, such as the BG/NBD model's.
    """

    mean: float
    by_feature: Floats | None
    by_family: Mapping[str, Floats]

    def logit(self) -> Floats:
        """Return the sum of the parts, always added in the same order."""
        total = self.mean + (0.0 if self.by_feature is None else row_sums(self.by_feature))
        for part in self.by_family.values():
            total = total + part
        return total  # type: ignore[return-value]  # a member always has one of the two kinds of contributions


class EnsembleMember(Protocol):
    """A member of the ensemble; it is immutable, and its contributions are centred on a reference population."""

    @property
    def name(self) -> str:
        """Return the member's name, which is its key among the blend's weights."""

    @property
    def is_card(self) -> bool:
        """Tell whether this member is the company's scorecard."""

    def contributions(self, rows: Matrix) -> Contributions:
        """Return the logit of each row, split by feature and family."""

    def centred_on(self, rows: Matrix) -> Self:
        """Return the same member with its contributions centred on ``rows``."""

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""

    def files(self) -> dict[str, str]:
        """Return the texts that are stored as files, by file name."""

"""Prediction intervals: the uncertainty of each probability, by score and by how much history a customer has."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.blend import sigmoid
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.stored_values import frozen


@dataclass(frozen=True)
class PredictionInterval:
    """Offsets in log-odds below and above the score, by score and optionally by group of customers.

    Parameters
    ----------
    level : the nominal coverage, 0.9 for nine in ten.
    knots : log-odds at which the offsets are known; between them they are interpolated.
    below, above : for each group, the offsets (≥ 0) at the knots.
    feature, edges : the feature that splits customers into groups (such as the number of orders); None is one group.
        Unknown values belong to the first group.
    """

    level: float
    knots: tuple[float, ...]
    below: tuple[tuple[float, ...], ...]
    above: tuple[tuple[float, ...], ...]
    feature: str | None = None
    edges: tuple[float, ...] = ()

    def around(self, logits: Floats, rows: Matrix) -> tuple[Floats, Floats]:
        """Return the lower and upper probability of each row."""
        group = self._group(rows, len(logits))
        low, high = np.empty(len(logits)), np.empty(len(logits))
        for position in set(group.tolist()):
            here = group == position
            own = logits[here]
            low[here] = own - np.interp(own, self.knots, self.below[position])
            high[here] = own + np.interp(own, self.knots, self.above[position])
        return sigmoid(low), sigmoid(high)

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "PredictionInterval":
        """Load what ``to_dict`` returned."""
        return cls(**frozen(stored))

    def _group(self, rows: Matrix, count: int) -> npt.NDArray[np.intp]:
        if self.feature is None:
            return np.zeros(count, dtype=np.intp)
        values = rows.column(self.feature)
        return np.where(np.isnan(values), 0, np.searchsorted(np.asarray(self.edges), values, side="right"))

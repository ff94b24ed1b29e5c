"""How sure the number is: an interval around each probability, by score and by how much is known of a customer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rapport.scoring.blend import sigmoid
from rapport.scoring.matrix import Floats, Matrix


@dataclass(frozen=True)
class Interval:
    """Offsets in log-odds below and above the score, by score and, where it matters, by group of customers.

    Parameters
    ----------
    level : what the interval is meant to cover, 0.9 for nine in ten.
    knots : log-odds at which the offsets are known; between them they are interpolated.
    below, above : for each group, the offsets (≥ 0) at the knots.
    feature, edges : what splits customers into groups (say the number of orders); none means one group. Unknown values
        belong to the first group.
    """

    level: float
    knots: tuple[float, ...]
    below: tuple[tuple[float, ...], ...]
    above: tuple[tuple[float, ...], ...]
    feature: str | None = None
    edges: tuple[float, ...] = ()

    def around(self, logits: Floats, rows: Matrix) -> tuple[Floats, Floats]:
        """Give the lower and upper probability of each row."""
        group = self._group(rows, len(logits))
        low, high = np.empty(len(logits)), np.empty(len(logits))
        for place, (down, up) in enumerate(zip(self.below, self.above, strict=True)):
            here = group == place
            low[here] = logits[here] - np.interp(logits[here], self.knots, down)
            high[here] = logits[here] + np.interp(logits[here], self.knots, up)
        return sigmoid(low), sigmoid(high)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold of it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Interval":
        """Read what ``to_dict`` wrote."""
        return cls(
            level=stored["level"],
            knots=tuple(stored["knots"]),
            below=_rows(stored["below"]),
            above=_rows(stored["above"]),
            feature=stored["feature"],
            edges=tuple(stored["edges"]),
        )

    def _group(self, rows: Matrix, count: int) -> Floats:
        if self.feature is None:
            return np.zeros(count)
        values = rows.number(self.feature)
        return np.where(np.isnan(values), 0, np.searchsorted(np.asarray(self.edges), values, side="right"))


def _rows(stored: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in stored)

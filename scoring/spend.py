"""What a customer is expected to spend in the horizon when it stays: the money that a churn puts at risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rapport.scoring.lightgbm_text import booster_of
from rapport.scoring.matrix import Floats, Matrix

if TYPE_CHECKING:
    from lightgbm import Booster


@dataclass(frozen=True)
class Spend:
    """Expected spend: a curve over one feature, or trees on log(1 + spend) set right by one factor.

    Parameters
    ----------
    feature, knots, values : the curve; a customer beyond the last knot keeps the last ratio of value to knot.
    booster : LightGBM text that predicts log(1 + spend); empty where the curve did as well on later slices.
    factor : multiplies the trees' answer, for a mean of logs is not the log of a mean.
    """

    feature: str
    knots: tuple[float, ...]
    values: tuple[float, ...]
    booster: str = ""
    factor: float = 1.0

    def expected(self, rows: Matrix) -> Floats:
        """Give the expected spend of each row; nan where the feature is unknown."""
        if self.booster and len(rows):
            names = self._loaded.feature_name()
            given = np.ascontiguousarray(rows.values[:, [rows.place[name] for name in names]])
            logs = np.asarray(self._loaded.predict(given, num_threads=1))
            return np.asarray(self.factor * np.maximum(np.expm1(logs), 0.0))
        spent = rows.number(self.feature)
        ratio = self.values[-1] / self.knots[-1] if self.knots[-1] > 0 else 0.0
        curve = np.interp(spent, self.knots, self.values)
        return np.where(spent > self.knots[-1], spent * ratio, curve)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold; the trees are a file."""
        stored = asdict(self)
        stored["booster"] = next(iter(self.files()), "")
        return stored

    def files(self) -> dict[str, str]:
        """Give the trees' text by file name."""
        return {"spend.lgb.txt": self.booster} if self.booster else {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> Spend:
        """Read what ``to_dict`` and ``files`` wrote."""
        return cls(
            feature=stored["feature"],
            knots=tuple(stored["knots"]),
            values=tuple(stored["values"]),
            booster=files.get(stored["booster"], ""),
            factor=stored["factor"],
        )

    @cached_property
    def _loaded(self) -> Booster:
        return booster_of(self.booster, "spend")

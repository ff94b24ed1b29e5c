"""Spend if retained: what a customer would spend within the horizon if it stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rapport.scoring.models.gamma_gamma import GammaGamma
from rapport.scoring.models.lightgbm_loader import load_booster
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.stored_values import frozen

if TYPE_CHECKING:
    from lightgbm import Booster


SPEND, RETURNED_SHARE = "spend_sum_365d", "returned_share_365d"
CONTRACT_VALUE = "contract_value_yearly"


@dataclass(frozen=True)
class SpendModel:
    """Expected spend: a curve over one feature, gamma-gamma, or trees on log(1 + spend) with one correction factor.

    Parameters
    ----------
    feature, knots, values : the curve; a customer beyond the last knot keeps the last ratio of value to knot.
    booster : LightGBM text that predicts log(1 + spend); empty where the curve was as good on later cutoffs.
    factor : multiplies the prediction of the trees, because a mean of logs is not the log of a mean.
    returned : the feature with the returned share of ``feature``; empty in models that were fitted on gross spend.
    gamma_gamma : used instead of the curve where it was better on later cutoffs.
    """

    feature: str
    knots: tuple[float, ...]
    values: tuple[float, ...]
    booster: str = ""
    factor: float = 1.0
    returned: str = ""
    gamma_gamma: GammaGamma | None = None

    @classmethod
    def naive(cls, horizon_days: float) -> SpendModel:
        """Return the naive rule: as in the last 12 months, net of returns, for the horizon."""
        return cls(SPEND, (0.0, 1.0), (0.0, horizon_days / 365.0), returned=RETURNED_SHARE)

    @classmethod
    def of_contracts(cls, horizon_days: float) -> SpendModel:
        """Return the naive rule of contracts: what those in force pay a year, for the horizon."""
        return cls(CONTRACT_VALUE, (0.0, 1.0), (0.0, horizon_days / 365.0))

    def past(self, rows: Matrix) -> Floats:
        """Return the past spend that the curve reads: net of returns and never negative, where it was fitted so."""
        spent = rows.column(self.feature)
        if self.returned and self.returned in rows.positions:
            spent = spent * (1.0 - np.nan_to_num(rows.column(self.returned)))
        return np.maximum(spent, 0.0)

    def expected(self, rows: Matrix) -> Floats:
        """Return the expected spend of each row, at least 0; nan where the feature is unknown."""
        if self.booster and len(rows):
            names = self._loaded.feature_name()
            values = np.ascontiguousarray(rows.values[:, [rows.positions[name] for name in names]])
            logs = np.asarray(self._loaded.predict(values, num_threads=1))
            return np.asarray(self.factor * np.maximum(np.expm1(logs), 0.0))
        if self.gamma_gamma is not None:
            return self.gamma_gamma.spend_if_retained(rows)
        spent = self.past(rows)
        ratio = self.values[-1] / self.knots[-1] if self.knots[-1] > 0 else 0.0
        curve = np.interp(spent, self.knots, self.values)
        return np.maximum(np.where(spent > self.knots[-1], spent * ratio, curve), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the part that is stored as JSON; the trees are a file."""
        stored = asdict(self)
        stored["booster"] = next(iter(self.files()), "")
        return stored

    def files(self) -> dict[str, str]:
        """Return the trees' text by file name."""
        return {"spend.lgb.txt": self.booster} if self.booster else {}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], files: Mapping[str, str]) -> SpendModel:
        """Load what ``to_dict`` and ``files`` returned."""
        gamma_gamma = stored.get("gamma_gamma")
        parts = {"booster": files.get(stored["booster"], ""), "gamma_gamma": gamma_gamma and GammaGamma(**gamma_gamma)}
        return cls(**frozen(stored) | parts)

    @cached_property
    def _loaded(self) -> Booster:
        return load_booster(self.booster, "spend")

"""The baselines that a model must beat: base rate, recency alone, and RFM cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.training.data.dataset import Dataset

SHRINKAGE_ROWS = 20.0
RECENCY = {"churn": ("days_since_last_order",), "conversion": ("days_since_last_touch", "customer_age_days")}
CELLS = {
    "churn": ("days_since_last_order", "orders_count_365d", "spend_sum_365d"),
    "conversion": ("days_since_last_touch", "touches_count_ever", "interactions_count_365d"),
}


@dataclass(frozen=True)
class Baseline:
    """Past outcome rates of cells cut by the edges of some features; an unknown value has a cell of its own."""

    name: str
    features: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    rates: tuple[float, ...]

    def predict(self, matrix: Matrix) -> Floats:
        """Return the rate of each row's cell."""
        return np.array(self.rates)[_cells(matrix, self.features, self.edges)]


def fit_baselines(training_set: Dataset, target: str) -> tuple[Baseline, ...]:
    """Fit the baselines to the rows that the members were fitted on."""
    recency = next((name for name in RECENCY[target] if _varies(training_set.matrix, name)), None)
    found = [Baseline("base_rate", (), (), (float(training_set.label.mean()),))]
    if recency:
        found.append(_fit_baseline("recency", training_set, (recency,), 20))
    cells = tuple(name for name in CELLS[target] if _varies(training_set.matrix, name))
    if len(cells) > 1:
        found.append(_fit_baseline("rfm_cells", training_set, cells, 5))
    return tuple(found)


def _fit_baseline(name: str, training_set: Dataset, features: tuple[str, ...], bins: int) -> Baseline:
    steps = np.linspace(0, 1, bins + 1)[1:-1]
    edges = tuple(
        tuple(np.unique(np.nanquantile(training_set.matrix.column(feature), steps)).tolist()) for feature in features
    )
    cell = _cells(training_set.matrix, features, edges)
    count = np.prod([len(edge) + 2 for edge in edges])
    counts = np.bincount(cell, minlength=count)
    outcomes = np.bincount(cell, weights=training_set.label, minlength=count)
    rates = (outcomes + SHRINKAGE_ROWS * training_set.label.mean()) / (counts + SHRINKAGE_ROWS)
    return Baseline(name, features, edges, tuple(rates.tolist()))


def _cells(matrix: Matrix, features: Sequence[str], edges: Sequence[Sequence[float]]) -> npt.NDArray[np.int64]:
    cell = np.zeros(len(matrix), dtype=np.int64)
    for feature, edge in zip(features, edges, strict=True):
        values = matrix.column(feature)
        bin_index = np.where(np.isnan(values), len(edge) + 1, np.searchsorted(edge, values, side="right"))
        cell = cell * (len(edge) + 2) + bin_index
    return cell


def _varies(matrix: Matrix, name: str) -> bool:
    if name not in matrix.positions:
        return False
    known = matrix.column(name)[~np.isnan(matrix.column(name))]
    return bool(len(known) and known.min() < known.max())

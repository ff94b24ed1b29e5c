"""The rules of thumb that a model must beat: base rate, recency alone, and cells of recency, frequency and money."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapport.scoring.matrix import Floats, Matrix
from rapport.training.rows import Rows

SHRINK = 20.0
RECENCY = {"churn": ("days_since_last_order",), "conversion": ("days_since_last_touch", "customer_age_days")}
CELLS = {
    "churn": ("days_since_last_order", "orders_count_365d", "spend_sum_365d"),
    "conversion": ("days_since_last_touch", "touches_count_ever", "interactions_count_365d"),
}


@dataclass(frozen=True)
class Rule:
    """Past rates of the cells that the edges of some features cut out; an unknown value has a cell of its own."""

    name: str
    features: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    rates: tuple[float, ...]

    def says(self, rows: Matrix) -> Floats:
        """Return the rate of each row's cell."""
        return np.array(self.rates)[_cells(rows, self.features, self.edges)]


def rules(early: Rows, target: str) -> tuple[Rule, ...]:
    """Learn the rules of thumb from the rows that the parts learnt from."""
    recency = next((name for name in RECENCY[target] if _varies(early.matrix, name)), None)
    found = [Rule("base_rate", (), (), (float(early.label.mean()),))]
    if recency:
        found.append(_rule("recency", early, (recency,), 20))
    cells = tuple(name for name in CELLS[target] if _varies(early.matrix, name))
    if len(cells) > 1:
        found.append(_rule("rfm_cells", early, cells, 5))
    return tuple(found)


def _rule(name: str, early: Rows, features: tuple[str, ...], parts: int) -> Rule:
    steps = np.linspace(0, 1, parts + 1)[1:-1]
    edges = tuple(
        tuple(np.unique(np.nanquantile(early.matrix.number(feature), steps)).tolist()) for feature in features
    )
    cell = _cells(early.matrix, features, edges)
    count = np.prod([len(edge) + 2 for edge in edges])
    tried = np.bincount(cell, minlength=count)
    came = np.bincount(cell, weights=early.label, minlength=count)
    rates = (came + SHRINK * early.label.mean()) / (tried + SHRINK)
    return Rule(name, features, edges, tuple(rates.tolist()))


def _cells(rows: Matrix, features: Sequence[str], edges: Sequence[Sequence[float]]) -> npt.NDArray[np.int64]:
    cell = np.zeros(len(rows), dtype=np.int64)
    for feature, edge in zip(features, edges, strict=True):
        values = rows.number(feature)
        place = np.where(np.isnan(values), len(edge) + 1, np.searchsorted(edge, values, side="right"))
        cell = cell * (len(edge) + 2) + place
    return cell


def _varies(rows: Matrix, name: str) -> bool:
    if name not in rows.place:
        return False
    known = rows.number(name)[~np.isnan(rows.number(name))]
    return bool(len(known) and known.min() < known.max())

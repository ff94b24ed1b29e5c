"""What a reason costs: TreeSHAP is nearly all of the work of an answer, and its price is set by the trees' shape."""

import time
from collections.abc import Callable

import numpy as np
from rapport.scoring.bundle import Bundle
from rapport.scoring.experts.trees import Trees
from rapport.scoring.matrix import Matrix

from rapport.errors import PromotionError

BUDGET_MS = 0.7
AGREEMENT = 1e-9
ROWS = 64


def contrib_cost(bundle: Bundle, clock: Callable[[], float] = time.process_time, rounds: int = 5) -> float:
    """Give the milliseconds of processor time that the reasons of one row take: the best of some rounds."""
    rows = _typical(bundle)
    trees = _trees(bundle)
    return min(_timed(trees, rows, clock) for _ in range(rounds)) * 1000.0 / len(rows)


def refuse_costly(bundle: Bundle, budget: float = BUDGET_MS) -> float:
    """Refuse reasons that cost more than ``budget`` ms a row, or that are wrong; give what they cost."""
    rows = _typical(bundle)
    wrong = max((expert.disagreement(rows) for expert in _trees(bundle)), default=0.0)
    if wrong > AGREEMENT:
        raise PromotionError(
            f"the reasons of the {bundle.target} model differ from LightGBM's own by {wrong:.1e}. Train again; if it "
            "stays, report it with the bundle."
        )
    cost = contrib_cost(bundle)
    if cost > budget:
        raise PromotionError(
            f"the reasons of the {bundle.target} model cost {cost:.2f} ms a customer; the budget is {budget:g} ms. "
            "Train with fewer or shallower trees (300 of 15 leaves and depth 5 cost 0.03 ms)."
        )
    return cost


def _trees(bundle: Bundle) -> list[Trees]:
    return [expert for expert in bundle.experts if isinstance(expert, Trees)]


def _timed(trees: list[Trees], rows: Matrix, clock: Callable[[], float]) -> float:
    start = clock()
    for expert in trees:
        expert.read(rows)
    return clock() - start


def _typical(bundle: Bundle) -> Matrix:
    """Make rows out of the reference's quantiles: they take the paths that customers take."""
    spread = np.random.default_rng(0)
    values = np.full((ROWS, len(bundle.columns)), np.nan)
    for place, column in enumerate(bundle.columns):
        quantiles = bundle.reference.quantiles.get(column.name)
        if quantiles:
            values[:, place] = spread.choice(np.asarray(quantiles), ROWS)
    return Matrix(bundle.columns, values)

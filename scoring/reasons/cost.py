"""The cost of reasons: TreeSHAP is most of the work of an answer, and its cost depends on the shape of the trees."""

import time
from collections.abc import Callable

import numpy as np

from rapport.errors import PromotionError
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.corrected import trees_of
from rapport.scoring.models.members.trees import TreesMember

BUDGET_MS = 0.7
TOLERANCE = 1e-9
SAMPLE_ROWS = 64


def shap_cost_ms(bundle: Bundle, clock: Callable[[], float] = time.process_time, rounds: int = 5) -> float:
    """Return the milliseconds of processor time per row that TreeSHAP takes: the best of some rounds."""
    rows = _typical_rows(bundle)
    trees = list(trees_of(bundle.members))
    return min(_timed(trees, rows, clock) for _ in range(rounds)) * 1000.0 / len(rows)


def check_shap_cost(bundle: Bundle, budget: float = BUDGET_MS) -> float:
    """Return the cost of TreeSHAP in ms per row; refuse one above ``budget``, or one that differs from LightGBM."""
    rows = _typical_rows(bundle)
    difference = max((member.disagreement(rows) for member in trees_of(bundle.members)), default=0.0)
    if difference > TOLERANCE:
        raise PromotionError(
            f"the reasons of the {bundle.target} model differ from LightGBM's own by {difference:.1e}. Train again; if "
            "this persists, report it with the bundle."
        )
    cost = shap_cost_ms(bundle)
    if cost > budget:
        raise PromotionError(
            f"the reasons of the {bundle.target} model take {cost:.2f} ms per customer; the budget is {budget:g} ms. "
            "Train with fewer or shallower trees (300 of 15 leaves and depth 5 take 0.03 ms)."
        )
    return cost


def _timed(trees: list[TreesMember], rows: Matrix, clock: Callable[[], float]) -> float:
    start = clock()
    for member in trees:
        member.contributions(rows)
    return clock() - start


def _typical_rows(bundle: Bundle) -> Matrix:
    """Draw rows from the quantiles of the reference population, so that they take the same paths as customers."""
    random = np.random.default_rng(0)
    values = np.full((SAMPLE_ROWS, len(bundle.columns)), np.nan)
    for position, column in enumerate(bundle.columns):
        quantiles = bundle.reference.quantiles.get(column.name)
        if quantiles:
            values[:, position] = random.choice(np.asarray(quantiles), SAMPLE_ROWS)
    return Matrix(bundle.columns, values)

"""Customers drawn for the laws of scores and reasons: some cells extreme, some unknown."""

from functools import cache

import numpy as np
from hypothesis import strategies as st
from scoring_world import AS_OF, churn_bundle, invented, table_of

from rapport.scoring import ScoreBatch, Scorer
from rapport.scoring.models.matrix import Matrix

EXTREMES = st.sampled_from([np.nan, 0.0, 1.0, -1.0, 0.5, 1e-9, 40.0, 1e4, 1e9])
# A category is read from words, so that it has no other number than that of one of its three levels.
CODES = st.sampled_from([np.nan, 0.0, 1.0, 2.0])


@cache
def scorer() -> Scorer:
    return Scorer(churn_bundle())


@st.composite
def rows(draw: st.DrawFn) -> Matrix:
    """Invented customers with some cells made extreme or unknown."""
    made = invented(draw(st.integers(1, 12)), draw(st.integers(0, 10_000)))
    values = made.values.copy()
    cells = st.tuples(st.integers(0, len(values) - 1), st.integers(0, values.shape[1] - 1), EXTREMES, CODES)
    for row, place, number, code in draw(st.lists(cells, max_size=40)):
        values[row, place] = code if made.columns[place].is_category else number
    return Matrix(made.columns, values)


def scored(some: Matrix) -> ScoreBatch:
    return scorer().score(table_of(some), AS_OF)

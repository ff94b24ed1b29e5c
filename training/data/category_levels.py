"""The levels of categories: the most frequent values, the others together, and the outcome rate of each level."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import Catalog
from rapport.scoring.models.columns import OTHER, FeatureColumn
from rapport.scoring.models.matrix import Floats, Matrix

MAX_LEVELS = 120
MIN_RATE_CUSTOMERS = 30
"""A rate is stated only of so many distinct customers."""


def category_levels(parts: Sequence[pa.Table], catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return the levels of each category with any value; every other value, seen or not, is at the last level."""
    levels = {}
    for feature in catalog.features:
        if feature.is_category:
            values = pa.chunked_array([chunk for part in parts for chunk in part[feature.name].chunks], pa.string())
            counts = pc.value_counts(values.drop_null()).to_pylist()
            common = sorted(counts, key=lambda count: (-count["counts"], count["values"]))[:MAX_LEVELS]
            names = sorted(count["values"] for count in common if count["values"] != OTHER)
            levels[feature.name] = (*names, OTHER) if names else ()
    return levels


def with_level_rates(matrix: Matrix, label: Floats, customer_ids: npt.NDArray[np.object_]) -> Matrix:
    """Return the matrix whose categories know the outcome rate of each of their levels."""
    if not any(column.levels for column in matrix.columns):
        return matrix
    customers = np.unique(customer_ids.astype(str), return_inverse=True)[1]
    columns = (
        _with_rates(column, matrix.column(column.name), label, customers) if column.levels else column
        for column in matrix.columns
    )
    return Matrix(tuple(columns), matrix.values)


def _with_rates(column: FeatureColumn, codes: Floats, label: Floats, customers: npt.NDArray[np.intp]) -> FeatureColumn:
    known = ~np.isnan(codes)
    levels, size = codes[known].astype(np.intp), len(column.levels)
    if not len(levels):
        return column
    rows, outcomes = (np.bincount(levels, weights, size) for weights in (None, label[known]))
    members = np.bincount(np.unique(np.stack([levels, customers[known]]), axis=1)[0], minlength=size)
    rates = [
        float(outcomes[level] / rows[level]) if members[level] >= MIN_RATE_CUSTOMERS else None for level in range(size)
    ]
    return replace(column, level_rates=tuple(rates), overall_rate=float(label[known].mean()))

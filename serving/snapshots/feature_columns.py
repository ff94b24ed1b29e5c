"""From features to columns of the portfolio table and back: unknown numbers are null in one and nan in the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rapport.scoring.cards.card_scores import numpy_columns
from rapport.scoring.models.matrix import Floats


def known(values: Floats) -> pa.Array:
    """Return numbers as an Arrow column, nan as null."""
    return pa.array(values, pa.float64(), from_pandas=True)


def known_mean(values: Floats) -> float:
    """Return the mean of the known numbers; nan where none is known."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def known_sum(values: Floats) -> float:
    """Return the sum of the known numbers; nan where there are numbers and none is known."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) or not len(values) else float("nan")


def facts(features: pa.Table, names: Sequence[str]) -> Floats:
    """Return some features as a matrix, nan where one is unknown."""
    return np.column_stack([fact(features, name) for name in names])


def fact(features: pa.Table, name: str) -> Floats:
    """Return a feature of each row, nan where it is unknown."""
    found = numpy_columns(features, [name])
    return np.asarray(found[name], dtype=np.float64) if found else np.full(features.num_rows, np.nan)

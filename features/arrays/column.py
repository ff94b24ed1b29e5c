"""A column on arrays: values, and where they are null (None: nowhere)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
RowIndices = npt.NDArray[np.intp]
Column = tuple[Any, Flags | None]
"""Values and the mask of nulls. Values are an array, or a scalar array where all rows have the same value."""


def is_true(values: npt.NDArray[Any], missing: Flags | None) -> npt.NDArray[Any]:
    """Return where a boolean column is true, neither false nor null."""
    return values if missing is None else values & ~missing

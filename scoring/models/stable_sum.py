"""Sums whose last bit does not depend on the number of rows or on a row's position."""

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.matrix import Floats


def row_sums(values: Floats) -> Floats:
    """Add the columns of each row, left to right."""
    # NumPy may block a sum over axis 1 differently for one row and for many; a running sum has one order only.
    if not values.shape[1]:
        return np.zeros(len(values))
    total: Floats = np.add.accumulate(values, axis=1)[:, -1]
    return total


class GroupSums:
    """Adds the columns of each row by group; the column order of each group is prepared once."""

    def __init__(self, groups: list[int], count: int) -> None:
        order = np.argsort(groups, kind="stable")
        self._order: npt.NDArray[np.intp] = order
        sizes = np.bincount(groups, minlength=count)
        ends = np.cumsum(sizes)
        self._present = np.flatnonzero(sizes)
        self._slices = [(int(ends[group] - sizes[group]), int(ends[group])) for group in self._present]
        self._count = count

    def add(self, values: Floats) -> Floats:
        """Return the sum of each row's columns by group, added in column order."""
        sums = np.zeros((len(values), self._count))
        ordered = values[:, self._order]
        for group, (start, end) in zip(self._present, self._slices, strict=True):
            sums[:, group] = row_sums(ordered[:, start:end])
        return sums

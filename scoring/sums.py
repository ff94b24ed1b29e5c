"""Sums whose last bit depends neither on how many rows there are nor on where a row stands."""

import numpy as np
import numpy.typing as npt
from rapport.scoring.matrix import Floats


def across(values: Floats) -> Floats:
    """Add the columns of each row, left to right."""
    # A sum over axis 1 may be blocked differently for one row and for many; a running sum has one order only.
    if not values.shape[1]:
        return np.zeros(len(values))
    total: Floats = np.add.accumulate(values, axis=1)[:, -1]
    return total


class Grouping:
    """Which columns belong to which group, made ready for adding up."""

    def __init__(self, groups: list[int], count: int) -> None:
        order = np.argsort(groups, kind="stable")
        self._order: npt.NDArray[np.intp] = order
        sizes = np.bincount(groups, minlength=count)
        ends = np.cumsum(sizes)
        self._present = np.flatnonzero(sizes)
        self._spans = [(int(ends[group] - sizes[group]), int(ends[group])) for group in self._present]
        self._count = count

    def add(self, values: Floats) -> Floats:
        """Add each row's columns by group, in column order."""
        summed = np.zeros((len(values), self._count))
        ordered = values[:, self._order]
        for group, (start, end) in zip(self._present, self._spans, strict=True):
            summed[:, group] = across(ordered[:, start:end])
        return summed

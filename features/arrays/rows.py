"""Rows of arrays: stretched, stacked, joined and grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.arrays.values import Column

Places = npt.NDArray[np.intp]


def spread(column: Column, length: int) -> Column:
    """Return a column of this length; a constant is repeated."""
    values, missing = column
    if values.ndim == 0:
        values = np.broadcast_to(values, (length,))
    if missing is not None and missing.ndim == 0:
        missing = np.broadcast_to(missing, (length,))
    return values, missing


def stacked(parts: Sequence[Column]) -> Column:
    """Return columns one under the other."""
    values = np.concatenate([values for values, _ in parts])
    if all(missing is None for _, missing in parts):
        return values, None
    return values, np.concatenate(
        [np.zeros(len(values), bool) if missing is None else missing for values, missing in parts]
    )


def matched(
    places: dict[int, Places], keys: Sequence[Any], identifier: int, against: Sequence[Any], *, is_left: bool
) -> dict[int, Places]:
    """Return the places of all tables joined so far after one more join on equal keys."""
    index: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(zip(*[column.tolist() for column in against], strict=True)):
        index.setdefault(key, []).append(place)
    rows, found = [], []
    for row, key in enumerate(zip(*[column.tolist() for column in keys], strict=True)):
        for place in index.get(key, [-1] if is_left else []):
            rows.append(row)
            found.append(place)
    chosen = np.array(rows, dtype=np.intp)
    return {owner: column[chosen] for owner, column in places.items()} | {identifier: np.array(found, dtype=np.intp)}


@dataclass(frozen=True)
class Groups:
    """Rows sorted by their keys: ``order`` are the rows, ``starts`` where each group begins in it."""

    order: Places
    starts: Places

    @classmethod
    def of(cls, keys: Sequence[Column], then: Sequence[npt.NDArray[Any]] = ()) -> Groups:
        """Group rows by keys; ``then`` sorts the rows of a group."""
        order = np.lexsort([*reversed(list(then)), *reversed([values for values, _ in keys])])
        if not len(order):
            return cls(order, order)
        fresh = np.zeros(len(order), bool)
        fresh[0] = True
        for values, _ in keys:
            ordered = values[order]
            fresh[1:] |= ordered[1:] != ordered[:-1]
        return cls(order, np.flatnonzero(fresh))

    def firsts(self) -> Places:
        """Return one row of each group."""
        return self.order[self.starts]

    def before(self, column: Column) -> Column:
        """Return for each row the value of the row before it in its group; missing for the first."""
        values, missing = column
        none = np.ones(len(values), bool)
        result = np.zeros_like(values)
        result[self.order[1:]] = values[self.order[:-1]]
        none[self.order] = False if missing is None else np.concatenate([[True], missing[self.order[:-1]]])
        none[self.firsts()] = True
        return result, none

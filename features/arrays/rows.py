"""Rows of arrays: picked, stacked, joined and grouped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.arrays.values import Column

Places = npt.NDArray[np.intp]


def picked(column: Column, places: Places | None) -> Column:
    """Return the rows at these places; None stands for all of them."""
    if places is None:
        return column
    values, missing = column
    return values[places], None if missing is None else missing[places]


def spread(column: Column, length: int) -> Column:
    """Return the one value of a column in so many rows."""
    values, missing = column
    return np.broadcast_to(values, (length,)), None if missing is None else np.broadcast_to(missing, (length,))


def stacked(parts: Sequence[Column]) -> Column:
    """Return columns one under the other."""
    values = np.concatenate([values for values, _ in parts])
    if all(missing is None for _, missing in parts):
        return values, None
    return values, np.concatenate(
        [np.zeros(len(values), bool) if missing is None else missing for values, missing in parts]
    )


def matched(keys: Sequence[Column], against: Sequence[Column]) -> tuple[Places, Places]:
    """Return where the rows with equal keys lie on both sides; what is not known equals nothing."""
    index: dict[tuple[Any, ...], list[int]] = {}
    for place, key in enumerate(_tuples(against)):
        index.setdefault(key, []).append(place)
    found = [(row, place) for row, key in enumerate(_tuples(keys)) if None not in key for place in index.get(key, ())]
    both = np.array(found, dtype=np.intp).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _tuples(columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    return zip(*[_plain(*column) for column in columns], strict=True)


def _plain(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> list[Any]:
    cells: list[Any] = values.tolist()
    return cells if missing is None else [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]


@dataclass(frozen=True)
class Groups:
    """Rows sorted by their keys: ``order`` are the rows, ``starts`` where each group begins in it."""

    order: Places
    starts: Places

    @classmethod
    def of(cls, keys: Sequence[Column], then: Sequence[Column] = ()) -> Groups:
        """Group rows by keys; ``then`` sorts the rows of a group."""
        order = np.lexsort([values for values, _ in (*reversed(then), *reversed(keys))])
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
        return self._beside(column, self.order[1:], self.order[:-1], self.firsts())

    def after(self, column: Column) -> Column:
        """Return for each row the value of the row behind it in its group; missing for the last."""
        lasts = self.order[np.append(self.starts[1:], len(self.order)) - 1] if len(self.order) else self.order
        return self._beside(column, self.order[:-1], self.order[1:], lasts)

    def _beside(self, column: Column, rows: Places, others: Places, without: Places) -> Column:
        values, missing = column
        result, none = np.zeros_like(values), np.zeros(len(values), bool)
        result[rows] = values[others]
        if missing is not None:
            none[rows] = missing[others]
        none[without] = True
        return result, none

"""Rows of arrays: picked, stacked, joined and grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.texts import Texts
from rapport.features.arrays.values import Column

Places = npt.NDArray[np.intp]


def picked(column: Column, places: Places | None) -> Column:
    """Return the rows at these places (None: all of them); one value that all rows share stays one."""
    values, missing = column
    if places is None or not values.shape:
        return column
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
    one, two = _placed(keys, against)
    order = np.argsort(two, kind="stable")
    two = two[order]
    first = np.searchsorted(two, one, "left")
    found = np.searchsorted(two, one, "right") - first
    rows = np.repeat(np.arange(len(one)), found)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)
    places = order[np.repeat(first, found) + within]
    # Different keys may mix to the same number.
    same = np.ones(len(rows), bool)
    for (left, gone), (right, lost) in zip(keys, against, strict=True):
        same &= left[rows] == right[places]
        for missing, side in ((gone, rows), (lost, places)):
            if missing is not None:
                same &= ~missing[side]
    return rows[same], places[same]


def _placed(keys: Sequence[Column], against: Sequence[Column]) -> list[npt.NDArray[np.uint64]]:
    """Return one number for each row's keys on both sides, in order of the first key.

    Rows mostly come in that order, and what lies near the last one looked up is found at once.
    """
    firsts = [columns[0][0].astype(np.int64) for columns in (keys, against)]
    least = min((int(each.min()) for each in firsts if len(each)), default=0)
    most = max((int(each.max()) for each in firsts if len(each)), default=0)
    bits = np.uint64(max(0, 63 - (most - least).bit_length()))
    return [
        ((first - least).astype(np.uint64) << bits) | (_mixed(columns[1:], len(first)) >> (np.uint64(64) - bits))
        for first, columns in zip(firsts, (keys, against), strict=True)
    ]


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(keys: Sequence[Column], count: int) -> npt.NDArray[np.uint64]:
    """Return one number for each row's keys, the same for the same keys; the high bits are the best mixed."""
    mixed: npt.NDArray[np.uint64] = np.zeros(count, np.uint64)
    for values, _ in keys:
        mixed = (mixed ^ (mixed >> np.uint64(31)) ^ values.astype(np.int64).view(np.uint64)) * _ODD
    return mixed


@dataclass(frozen=True)
class Groups:
    """Rows sorted by their keys: ``order`` are the rows (None: as they lie), ``starts`` where each group begins."""

    order: Places | None
    starts: Places
    count: int

    @classmethod
    def of(cls, keys: Sequence[Column], then: Sequence[Column] = ()) -> Groups:
        """Group rows by keys; ``then`` sorts the rows of a group."""
        parts, within = [numbers(values) for values, _ in keys], [numbers(values) for values, _ in then]
        count = len(parts[0])
        order = _order(parts, within)
        fresh = np.zeros(count, bool)
        fresh[:1] = True
        for values in parts:
            ordered = values if order is None else values[order]
            fresh[1:] |= ordered[1:] != ordered[:-1]
        return cls(order, np.flatnonzero(fresh), count)

    @property
    def are_single(self) -> bool:
        """Tell whether every group is one row, each where it lies."""
        return self.order is None and len(self.starts) == self.count

    def sorted(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values in the order of the groups."""
        return values if self.order is None else values[self.order]

    def merged(self, join: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Merge whole numbers over each group."""
        whole = self.sorted(values).astype(np.int64, copy=False)
        if self.are_single or not self.count:
            return whole
        if join is not np.add:
            merged: npt.NDArray[np.int64] = join.reduceat(whole, self.starts)
            return merged
        # Differences of running sums take a fifth of the time; where the sums run over, so do the differences.
        sums = np.cumsum(whole)[np.append(self.starts[1:], self.count) - 1]
        differences: npt.NDArray[np.int64] = np.diff(sums, prepend=np.int64(0))
        return differences

    def firsts(self) -> Places | None:
        """Return one row of each group; None where each row is a group."""
        return None if self.are_single else self.sorted(np.arange(self.count))[self.starts]

    def before(self, column: Column) -> Column:
        """Return for each row the value of the row before it in its group; missing for the first."""
        return self._beside(column, slice(1, None), slice(None, -1), self.starts)

    def after(self, column: Column) -> Column:
        """Return for each row the value of the row behind it in its group; missing for the last."""
        lasts = np.append(self.starts[1:], self.count)[: len(self.starts)] - 1
        return self._beside(column, slice(None, -1), slice(1, None), lasts)

    def _beside(self, column: Column, rows: slice, others: slice, without: Places) -> Column:
        values, missing = column
        ordered = self.sorted(values)
        result, none = np.zeros_like(ordered), np.zeros(self.count, bool)
        result[rows] = ordered[others]
        if missing is not None:
            none[rows] = self.sorted(missing)[others]
        none[without] = True
        if self.order is None:
            return result, none
        placed = np.empty_like(self.order)
        placed[self.order] = np.arange(self.count)
        return result[placed], none[placed]


def numbers(values: Any) -> npt.NDArray[Any]:
    """Return what tells values apart: themselves, or of texts their places."""
    return values.places if isinstance(values, Texts) else values


def _order(keys: list[npt.NDArray[Any]], then: list[npt.NDArray[Any]]) -> Places | None:
    """Return the rows sorted so that those with equal keys lie together; None if they lie so already."""
    if _in_order([*keys, *then]):
        return None
    # Rows that lie in order within each group may stay as they are there.
    order = _together(keys) if not then or _in_order([keys[0], *then]) else None
    return np.lexsort([*then[::-1], *keys[::-1]]) if order is None else order


def _together(keys: list[npt.NDArray[Any]]) -> Places | None:
    """Bring rows with equal keys together, each group in the order in which its rows lie; None where it cannot.

    First key, a mix of the others and the row go into one number, because numbers alone are sorted ten times faster.
    """
    first, *others = keys
    begin, count = int(first.min()), len(first)
    row_bits, key_bits = count.bit_length(), int(first.max() - begin).bit_length()
    mix_bits = 63 - row_bits - key_bits
    if mix_bits < _BITS_ENOUGH:
        return None
    mix = _mixed([(each, None) for each in others], count) >> np.uint64(64 - mix_bits)
    groups = ((first - begin).astype(np.uint64) << np.uint64(mix_bits)) | mix
    packed = np.sort((groups << np.uint64(row_bits)) | np.arange(count, dtype=np.uint64))
    order = (packed & np.uint64((1 << row_bits) - 1)).astype(np.intp)
    alike = np.diff(packed >> np.uint64(row_bits)) == 0
    # Different keys may mix to the same number.
    mistaken = any((alike & (each[order][1:] != each[order][:-1])).any() for each in others)
    return None if mistaken else order


_BITS_ENOUGH = 20


def _in_order(columns: Sequence[npt.NDArray[Any]]) -> bool:
    """Tell whether rows lie in order of the first column, those that are equal in it of the second, and so on."""
    tied: npt.NDArray[np.bool_] | None = None
    for values in columns:
        here, there = values[:-1], values[1:]
        falls = here > there
        if (falls if tied is None else falls & tied).any():
            return False
        tied = here == there if tied is None else tied & (here == there)
        if not tied.any():
            return True
    return True

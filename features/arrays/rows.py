"""Rows of columns: taken, concatenated, joined and grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Column, Flags, RowIndices
from rapport.features.arrays.texts import EncodedTexts


def take_rows(column: Column, indices: RowIndices | Flags | slice | None) -> Column:
    """Return the rows at these indices (None: all rows); a scalar stays a scalar."""
    values, missing = column
    if indices is None or not values.shape:
        return column
    return values[indices], None if missing is None else missing[indices]


def broadcast(column: Column, length: int) -> Column:
    """Repeat the scalar of a column over ``length`` rows."""
    values, missing = column
    return np.broadcast_to(values, (length,)), None if missing is None else np.broadcast_to(missing, (length,))


def concatenated(parts: Sequence[Column]) -> Column:
    """Concatenate columns."""
    values = np.concatenate([values for values, _ in parts])
    if all(missing is None for _, missing in parts):
        return values, None
    return values, np.concatenate(
        [np.zeros(len(values), bool) if missing is None else missing for values, missing in parts]
    )


def inner_join(keys: Sequence[Column], against: Sequence[Column]) -> tuple[RowIndices, RowIndices]:
    """Return the row indices of an inner join on both sides; a null key equals nothing."""
    one, two = _hashed_keys(keys, against)
    order = np.argsort(two, kind="stable")
    two = two[order]
    first = np.searchsorted(two, one, "left")
    found = np.searchsorted(two, one, "right") - first
    rows = np.repeat(np.arange(len(one)), found)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)
    others = order[np.repeat(first, found) + within]
    # Different keys may hash to the same number.
    same = np.ones(len(rows), bool)
    for (left, left_missing), (right, right_missing) in zip(keys, against, strict=True):
        same &= left[rows] == right[others]
        for missing, side in ((left_missing, rows), (right_missing, others)):
            if missing is not None:
                same &= ~missing[side]
    return rows[same], others[same]


def _hashed_keys(keys: Sequence[Column], against: Sequence[Column]) -> list[npt.NDArray[np.uint64]]:
    """Return one number per row and side, made of its keys, in order of the first key.

    Rows mostly come in that order, so that consecutive look-ups touch the same memory.
    """
    firsts = [columns[0][0].astype(np.int64) for columns in (keys, against)]
    low = min((int(each.min()) for each in firsts if len(each)), default=0)
    high = max((int(each.max()) for each in firsts if len(each)), default=0)
    bits = np.uint64(max(0, 63 - (high - low).bit_length()))
    return [
        ((first - low).astype(np.uint64) << bits) | (_hash(columns[1:], len(first)) >> (np.uint64(64) - bits))
        for first, columns in zip(firsts, (keys, against), strict=True)
    ]


_HASH_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def _hash(keys: Sequence[Column], count: int) -> npt.NDArray[np.uint64]:
    """Return a hash of each row's keys; the high bits are the best mixed."""
    hashed: npt.NDArray[np.uint64] = np.zeros(count, np.uint64)
    for values, _ in keys:
        hashed = (hashed ^ (hashed >> np.uint64(31)) ^ values.astype(np.int64).view(np.uint64)) * _HASH_MULTIPLIER
    return hashed


@dataclass(frozen=True)
class Groups:
    """Rows grouped by keys: ``order`` sorts the rows (None: already sorted), each group begins at one of ``starts``."""

    order: RowIndices | None
    starts: RowIndices
    count: int

    @classmethod
    def of(cls, keys: Sequence[Column], then: Sequence[Column] = ()) -> Groups:
        """Group rows by keys; ``then`` sorts the rows within a group."""
        parts, within = [codes(values) for values, _ in keys], [codes(values) for values, _ in then]
        count = len(parts[0])
        order = _order(parts, within)
        is_start = np.zeros(count, bool)
        is_start[:1] = True
        for values in parts:
            ordered = values if order is None else values[order]
            is_start[1:] |= ordered[1:] != ordered[:-1]
        return cls(order, np.flatnonzero(is_start), count)

    @property
    def are_single(self) -> bool:
        """Return whether every group is one row and the rows are in order."""
        return self.order is None and len(self.starts) == self.count

    def sorted(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values in the order of the groups."""
        return values if self.order is None else values[self.order]

    def merged(self, ufunc: np.ufunc, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Reduce integers over each group."""
        integers = self.sorted(values).astype(np.int64, copy=False)
        if self.are_single or not self.count:
            return integers
        if ufunc is not np.add:
            merged: npt.NDArray[np.int64] = ufunc.reduceat(integers, self.starts)
            return merged
        # Differences of cumulative sums take a fifth of the time; overflows of the sums cancel in the differences.
        sums = np.cumsum(integers)[np.append(self.starts[1:], self.count) - 1]
        differences: npt.NDArray[np.int64] = np.diff(sums, prepend=np.int64(0))
        return differences

    def firsts(self) -> RowIndices | None:
        """Return the index of one row per group; None where each row is a group."""
        return None if self.are_single else self.sorted(np.arange(self.count))[self.starts]

    def lag(self, column: Column) -> Column:
        """Return the previous row's value within the group (LAG); null for the first row."""
        return self._shifted(column, slice(1, None), slice(None, -1), self.starts)

    def lead(self, column: Column) -> Column:
        """Return the next row's value within the group (LEAD); null for the last row."""
        lasts = np.append(self.starts[1:], self.count)[: len(self.starts)] - 1
        return self._shifted(column, slice(None, -1), slice(1, None), lasts)

    def _shifted(self, column: Column, rows: slice, others: slice, edges: RowIndices) -> Column:
        values, missing = column
        ordered = self.sorted(values)
        result, none = np.zeros_like(ordered), np.zeros(self.count, bool)
        result[rows] = ordered[others]
        if missing is not None:
            none[rows] = self.sorted(missing)[others]
        none[edges] = True
        if self.order is None:
            return result, none
        inverse = np.empty_like(self.order)
        inverse[self.order] = np.arange(self.count)
        return result[inverse], none[inverse]


def codes(values: Any) -> npt.NDArray[Any]:
    """Return values as numbers: encoded texts by their codes, others as they are."""
    return values.codes if isinstance(values, EncodedTexts) else values


def _order(keys: list[npt.NDArray[Any]], then: list[npt.NDArray[Any]]) -> RowIndices | None:
    """Return the row order in which equal keys are adjacent; None if they are adjacent already."""
    if _in_order([*keys, *then]):
        return None
    # Rows that are in order within each group keep that order in a stable sort by the keys.
    order = _packed_sort(keys) if not then or _in_order([keys[0], *then]) else None
    return np.lexsort([*then[::-1], *keys[::-1]]) if order is None else order


def _packed_sort(keys: list[npt.NDArray[Any]]) -> RowIndices | None:
    """Return the rows in a stable order in which equal keys are adjacent; None where that is not possible.

    The first key, a hash of the others and the row index are packed into one integer, because plain integers sort ten
    times faster.
    """
    first, *others = keys
    begin, count = int(first.min()), len(first)
    row_bits, key_bits = count.bit_length(), int(first.max() - begin).bit_length()
    hash_bits = 63 - row_bits - key_bits
    if hash_bits < _MIN_HASH_BITS:
        return None
    hashed = _hash([(each, None) for each in others], count) >> np.uint64(64 - hash_bits)
    groups = ((first - begin).astype(np.uint64) << np.uint64(hash_bits)) | hashed
    packed = np.sort((groups << np.uint64(row_bits)) | np.arange(count, dtype=np.uint64))
    order = (packed & np.uint64((1 << row_bits) - 1)).astype(np.intp)
    same_group = np.diff(packed >> np.uint64(row_bits)) == 0
    # Different keys may have the same hash.
    collision = any((same_group & (each[order][1:] != each[order][:-1])).any() for each in others)
    return None if collision else order


_MIN_HASH_BITS = 20


def _in_order(columns: Sequence[npt.NDArray[Any]]) -> bool:
    """Return whether rows are sorted by the first column, ties by the second, and so on."""
    tied: npt.NDArray[np.bool_] | None = None
    for values in columns:
        here, there = values[:-1], values[1:]
        descends = here > there
        if (descends if tied is None else descends & tied).any():
            return False
        tied = here == there if tied is None else tied & (here == there)
        if not tied.any():
            return True
    return True

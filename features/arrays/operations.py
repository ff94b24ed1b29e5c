"""Operations on columns, with the null semantics of SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.arrays.column import Column, Flags, is_true
from rapport.features.arrays.texts import EncodedTexts

Array = npt.NDArray[Any]
Operation = Callable[..., Column]


def strict(compute: Callable[..., Any]) -> Operation:
    """Return an operation that is null where any argument is null."""

    def apply(*columns: Column) -> Column:
        return compute(*[values for values, _ in columns]), any_null(*[missing for _, missing in columns])

    return apply


def any_null(*masks: Flags | None) -> Flags | None:
    """Return where any of the masks is set."""
    present = [mask for mask in masks if mask is not None]
    if not present:
        return None
    result = present[0]
    for mask in present[1:]:
        result = result | mask
    return result


def literal(value: float | str | bool | None) -> Column:
    """Return a constant; null takes the type of the column that it is combined with."""
    if value is None:
        return np.zeros((), np.int8), np.ones((), bool)
    return np.asarray(value), None


def _floor_divide(left: Array, right: Array) -> Array:
    quotient: Array = np.nan_to_num(left / right, nan=0.0, posinf=0.0, neginf=0.0)
    floored: Array = np.floor(quotient).astype(np.int64)
    return floored


def _root(values: Array) -> Array:
    root: Array = np.sqrt(np.where(values < 0, 0.0, values))
    return root


def _round(values: Array) -> Array:
    """Round to integers, halves away from zero, as SQL does and NumPy does not."""
    truncated: Array = np.trunc(values)
    rounded: Array = truncated + np.where(np.abs(values - truncated) >= 0.5, np.sign(values), 0.0)
    return rounded.astype(np.int64)


def _equal(left: object, right: Array) -> Flags:
    """Return which values are equal; texts are compared with a single text."""
    if isinstance(left, EncodedTexts):
        return left.isin([right.item()])
    equal: Flags = left == right
    return equal


def _lower(texts: EncodedTexts) -> EncodedTexts:
    return texts.map(str.lower)


def _is_in(texts: EncodedTexts, *options: Array) -> Flags:
    return texts.isin([option.item() for option in options])


def where_text(test: Callable[[str], bool]) -> Operation:
    """Return the operation that tests each text; null where the text is missing."""
    return strict(lambda texts: texts.where(test))


def both(left: Column, right: Column) -> Column:
    """Return where both are true; null where that is unknown."""
    value = is_true(*left) & is_true(*right)
    missing = any_null(left[1], right[1])
    if missing is None:
        return value, None
    return value, missing & ~(is_true(~left[0], left[1]) | is_true(~right[0], right[1]))


def either(left: Column, right: Column) -> Column:
    """Return where one or both are true; null where that is unknown."""
    value = is_true(*left) | is_true(*right)
    missing = any_null(left[1], right[1])
    return value, None if missing is None else missing & ~value


def if_else(test: Column, yes: Column, no: Column) -> Column:
    """Return ``yes`` where the test is true, else ``no``."""
    holds = is_true(*test)
    if yes[1] is None and no[1] is None:
        return np.where(holds, yes[0], no[0]), None
    masks = [np.zeros((), bool) if missing is None else missing for missing in (yes[1], no[1])]
    return np.where(holds, yes[0], no[0]), np.where(holds, *masks)


def fill_null(column: Column, other: Column) -> Column:
    """Return the first column where it is not null, else the second; missing texts are filled by a single text."""
    values, missing = column
    if isinstance(values, EncodedTexts):
        return values.fill_missing(missing, str(other[0])), None
    return column if missing is None else if_else((~missing, None), (values, None), other)


def null_if_equal(column: Column, other: Column) -> Column:
    """Return the column, null where both are equal."""
    return column[0], any_null(column[1], column[0] == other[0])


def is_null(column: Column) -> Column:
    """Return where the column is null."""
    return np.zeros(column[0].shape, bool) if column[1] is None else column[1], None


def is_known(column: Column) -> Column:
    """Return where the column is not null."""
    return ~is_null(column)[0], None


def _extreme(pick: Callable[..., Array]) -> Operation:
    """Return the operation that picks the larger or smaller of two values, nulls passed over."""

    def apply(column: Column, other: Column) -> Column:
        (values, missing), (others, absent) = column, other
        picked = pick(values, others)
        if missing is not None:
            picked = np.where(missing, others, picked)
        if absent is not None:
            picked = np.where(absent, values, picked)
        return picked, None if missing is None or absent is None else missing & absent

    return apply


def clip(column: Column, low: Column, high: Column) -> Column:
    """Return the values moved into a range."""
    return np.minimum(np.maximum(column[0], low[0]), high[0]), column[1]


def _cast(dtype: type[np.generic]) -> Operation:
    """Return the operation that converts values to a type."""
    return lambda column: (column[0].astype(dtype, copy=False), column[1])


ADD, SUBTRACT, MULTIPLY, DIVIDE = (strict(each) for each in (np.add, np.subtract, np.multiply, np.true_divide))
FLOOR_DIVIDE, NEGATE, SQUARE_ROOT, ROUND = (strict(each) for each in (_floor_divide, np.negative, _root, _round))
EQUAL, LESS, LESS_EQUAL = (strict(each) for each in (_equal, np.less, np.less_equal))
GREATER, GREATER_EQUAL, NOT = (strict(each) for each in (np.greater, np.greater_equal, np.logical_not))
LOWER, IS_IN = strict(_lower), strict(_is_in)
LARGER, SMALLER = _extreme(np.maximum), _extreme(np.minimum)
CAST: dict[type[np.generic], Operation] = {dtype: _cast(dtype) for dtype in (np.int32, np.int64, np.float64)}

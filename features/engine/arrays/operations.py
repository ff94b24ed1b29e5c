"""The operations of the plan's expressions on arrays, with the null semantics of SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.features.engine.arrays.column import Column, Flags, is_true
from rapport.features.engine.arrays.texts import EncodedTexts

Operation = Callable[..., Column]


def _any_null(*masks: Flags | None) -> Flags | None:
    present = [mask for mask in masks if mask is not None]
    if not present:
        return None
    result = present[0]
    for mask in present[1:]:
        result = result | mask
    return result


def _strict(compute: Callable[..., npt.NDArray[Any]]) -> Callable[[Any], Operation]:
    """Operation an operation that is null where any argument is null."""

    def make(_node: Any) -> Operation:
        def apply(*columns: Column) -> Column:
            return compute(*[values for values, _ in columns]), _any_null(*[missing for _, missing in columns])

        return apply

    return make


def _floor_divide(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[Any]:
    quotient: npt.NDArray[Any] = np.nan_to_num(left / right, nan=0.0, posinf=0.0, neginf=0.0)
    floored: npt.NDArray[Any] = np.floor(quotient)
    return floored.astype(np.int64)


def _divide(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[Any]:
    quotient: npt.NDArray[Any] = left / right
    return quotient


def _root(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    positive: npt.NDArray[Any] = np.where(values < 0, 0.0, values)
    root: npt.NDArray[Any] = np.sqrt(positive)
    return root


def _round(values: npt.NDArray[Any], _digits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Round to integers, halves away from zero, as SQL does and NumPy does not."""
    truncated: npt.NDArray[Any] = np.trunc(values)
    rounded: npt.NDArray[Any] = truncated + np.where(np.abs(values - truncated) >= 0.5, np.sign(values), 0.0)
    return rounded.astype(np.int64)


def _and(_node: Any) -> Operation:
    def apply(left: Column, right: Column) -> Column:
        value = is_true(*left) & is_true(*right)
        if left[1] is None and right[1] is None:
            return value, None
        return value, _null_mask(left, right) & ~(is_true(~left[0], left[1]) | is_true(~right[0], right[1]))

    return apply


def _or(_node: Any) -> Operation:
    def apply(left: Column, right: Column) -> Column:
        value = is_true(*left) | is_true(*right)
        if left[1] is None and right[1] is None:
            return value, None
        return value, _null_mask(left, right) & ~value

    return apply


def _null_mask(left: Column, right: Column) -> Flags:
    missing = _any_null(left[1], right[1])
    assert missing is not None
    return missing


def _literal(node: Any) -> Operation:
    if node.value is None:
        return lambda: (np.zeros((), np.int8), np.ones((), bool))  # takes the type of the other argument
    value = np.asarray(node.value, dtype=np.float64 if node.dtype.is_floating() else None)
    return lambda: (value, None)


DTYPES = {
    "Int64": np.int64,
    "Int32": np.int32,
    "Int16": np.int16,
    "Int8": np.int8,
    "Float64": np.float64,
    "Boolean": bool,
}


def _cast(node: Any) -> Operation:
    dtype = DTYPES[type(node.to).__name__]
    return lambda column: (column[0].astype(dtype), column[1])


def _if_else(_node: Any) -> Operation:
    return _select


def _select(test: Column, yes: Column, no: Column) -> Column:
    holds = is_true(*test)
    if yes[1] is None and no[1] is None:
        return np.where(holds, yes[0], no[0]), None
    masks = [np.zeros((), bool) if missing is None else missing for missing in (yes[1], no[1])]
    return np.where(holds, yes[0], no[0]), np.where(holds, *masks)


def _cases(node: Any) -> Operation:
    count = len(node.cases)

    def apply(*columns: Column) -> Column:
        result = columns[-1]
        for case in reversed(range(count)):
            result = _select(columns[case], columns[count + case], result)
        return result

    return apply


def _coalesce(_node: Any) -> Operation:
    def apply(*columns: Column) -> Column:
        result = columns[-1]
        if isinstance(columns[0][0], EncodedTexts):
            return columns[0][0].fill_missing(columns[0][1], str(result[0])), None
        for column in reversed(columns[:-1]):
            result = column if column[1] is None else _select((~column[1], None), (column[0], None), result)
        return result

    return apply


def _extreme(pick: Callable[..., npt.NDArray[Any]]) -> Callable[[Any], Operation]:
    """Operation the larger or smaller of values, nulls passed over."""

    def make(_node: Any) -> Operation:
        def apply(*columns: Column) -> Column:
            values, missing = columns[0]
            for other, absent in columns[1:]:
                both = pick(values, other)
                if missing is not None:
                    both = np.where(missing, other, both)
                if absent is not None:
                    both = np.where(absent, values, both)
                missing = None if missing is None or absent is None else missing & absent
                values = both
            return values, missing

        return apply

    return make


def _null_if(_node: Any) -> Operation:
    return lambda column, other: (column[0], _any_null(column[1], column[0] == other[0]))


def _in_values(_node: Any) -> Operation:
    return lambda column, *options: (_isin(column[0], [option[0].item() for option in options]), column[1])


def _isin(values: Any, wanted: list[Any]) -> Flags:
    return values.isin(wanted) if isinstance(values, EncodedTexts) else np.isin(values, wanted)


def _equal(left: Any, right: npt.NDArray[Any]) -> Flags:
    """Return which values are equal; texts are compared with a single text."""
    if isinstance(left, EncodedTexts):
        return left.isin([right.item()])
    equal: Flags = left == right
    return equal


def _lower(values: Any) -> Any:
    return values.map(str.lower)


def _is_null(node: Any) -> Operation:
    wanted = type(node).__name__ == "IsNull"

    def apply(column: Column) -> Column:
        missing = np.zeros(column[0].shape, bool) if column[1] is None else column[1]
        return (missing if wanted else ~missing), None

    return apply


def _clip(_node: Any) -> Operation:
    return lambda column, low, high: (np.minimum(np.maximum(column[0], low[0]), high[0]), column[1])


OPERATIONS: dict[str, Callable[[Any], Operation]] = {
    "Add": _strict(np.add),
    "Subtract": _strict(np.subtract),
    "Multiply": _strict(np.multiply),
    "Divide": _strict(_divide),
    "FloorDivide": _strict(_floor_divide),
    "Negate": _strict(np.negative),
    "Sqrt": _strict(_root),
    "Round": _strict(_round),
    "BitwiseAnd": _strict(np.bitwise_and),
    "Equals": _strict(_equal),
    "NotEquals": _strict(np.not_equal),
    "Less": _strict(np.less),
    "LessEqual": _strict(np.less_equal),
    "Greater": _strict(np.greater),
    "GreaterEqual": _strict(np.greater_equal),
    "Not": _strict(np.logical_not),
    "Lowercase": _strict(_lower),
    "And": _and,
    "Or": _or,
    "Literal": _literal,
    "Cast": _cast,
    "IfElse": _if_else,
    "SearchedCase": _cases,
    "Coalesce": _coalesce,
    "Greatest": _extreme(np.maximum),
    "Least": _extreme(np.minimum),
    "NullIf": _null_if,
    "InValues": _in_values,
    "IsNull": _is_null,
    "NotNull": _is_null,
    "Clip": _clip,
}
"""The operations by the name of their Ibis node: each builds, for a node, a function of its arguments' columns."""

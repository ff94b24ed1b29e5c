"""How each operation of the plan's expressions is computed on arrays, nulls included, just as SQL would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rapport.features.arrays.texts import Texts

if TYPE_CHECKING:
    from rapport.features.arrays.rows import Groups
    from rapport.features.measures import Partial

Column = tuple[Any, npt.NDArray[np.bool_] | None]
Make = Callable[..., Column]


def known(values: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Return where a truth value is true, not false and not null."""
    return values if missing is None else values & ~missing


def _either(*masks: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_] | None:
    present = [mask for mask in masks if mask is not None]
    if not present:
        return None
    result = present[0]
    for mask in present[1:]:
        result = result | mask
    return result


def _plain(compute: Callable[..., npt.NDArray[Any]]) -> Callable[[Any], Make]:
    """Make an operation that is null where any argument is null."""

    def make(_node: Any) -> Make:
        def apply(*columns: Column) -> Column:
            return compute(*[values for values, _ in columns]), _either(*[missing for _, missing in columns])

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
    """Round to whole numbers, halves away from zero, as SQL does and NumPy does not."""
    whole: npt.NDArray[Any] = np.trunc(values)
    rounded: npt.NDArray[Any] = whole + np.where(np.abs(values - whole) >= 0.5, np.sign(values), 0.0)
    return rounded.astype(np.int64)


def _and(_node: Any) -> Make:
    def apply(left: Column, right: Column) -> Column:
        value = known(*left) & known(*right)
        if left[1] is None and right[1] is None:
            return value, None
        return value, _unsure(left, right) & ~(known(~left[0], left[1]) | known(~right[0], right[1]))

    return apply


def _or(_node: Any) -> Make:
    def apply(left: Column, right: Column) -> Column:
        value = known(*left) | known(*right)
        if left[1] is None and right[1] is None:
            return value, None
        return value, _unsure(left, right) & ~value

    return apply


def _unsure(left: Column, right: Column) -> npt.NDArray[np.bool_]:
    missing = _either(left[1], right[1])
    assert missing is not None
    return missing


def _literal(node: Any) -> Make:
    if node.value is None:
        return lambda: (np.zeros((), np.int8), np.ones((), bool))  # takes on the type of what it stands beside
    value = np.asarray(node.value, dtype=np.float64 if node.dtype.is_floating() else None)
    return lambda: (value, None)


KINDS = {
    "Int64": np.int64,
    "Int32": np.int32,
    "Int16": np.int16,
    "Int8": np.int8,
    "Float64": np.float64,
    "Boolean": bool,
}


def _cast(node: Any) -> Make:
    kind = KINDS[type(node.to).__name__]
    return lambda column: (column[0].astype(kind), column[1])


def _if_else(_node: Any) -> Make:
    return _chosen


def _chosen(test: Column, yes: Column, no: Column) -> Column:
    holds = known(*test)
    if yes[1] is None and no[1] is None:
        return np.where(holds, yes[0], no[0]), None
    masks = [np.zeros((), bool) if missing is None else missing for missing in (yes[1], no[1])]
    return np.where(holds, yes[0], no[0]), np.where(holds, *masks)


def _cases(node: Any) -> Make:
    count = len(node.cases)

    def apply(*columns: Column) -> Column:
        result = columns[-1]
        for place in reversed(range(count)):
            result = _chosen(columns[place], columns[count + place], result)
        return result

    return apply


def _coalesce(_node: Any) -> Make:
    def apply(*columns: Column) -> Column:
        result = columns[-1]
        if isinstance(columns[0][0], Texts):
            return columns[0][0].filled(columns[0][1], str(result[0])), None
        for column in reversed(columns[:-1]):
            result = column if column[1] is None else _chosen((~column[1], None), (column[0], None), result)
        return result

    return apply


def _extreme(pick: Callable[..., npt.NDArray[Any]]) -> Callable[[Any], Make]:
    """Make the larger or smaller of values, nulls passed over."""

    def make(_node: Any) -> Make:
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


def _null_if(_node: Any) -> Make:
    return lambda column, other: (column[0], _either(column[1], column[0] == other[0]))


def _in_values(_node: Any) -> Make:
    return lambda column, *options: (_among(column[0], [option[0].item() for option in options]), column[1])


def _among(values: Any, wanted: list[Any]) -> npt.NDArray[np.bool_]:
    return values.among(wanted) if isinstance(values, Texts) else np.isin(values, wanted)


def _equal(left: Any, right: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell what is equal; of texts, to a single one."""
    if isinstance(left, Texts):
        return left.among([right.item()])
    equal: npt.NDArray[np.bool_] = left == right
    return equal


def _lower(values: Any) -> Any:
    return values.each(str.lower)


def _is_null(node: Any) -> Make:
    wanted = type(node).__name__ == "IsNull"

    def apply(column: Column) -> Column:
        missing = np.zeros(column[0].shape, bool) if column[1] is None else column[1]
        return (missing if wanted else ~missing), None

    return apply


def _clip(_node: Any) -> Make:
    return lambda column, low, high: (np.minimum(np.maximum(column[0], low[0]), high[0]), column[1])


VALUES: dict[str, Callable[[Any], Make]] = {
    "Add": _plain(np.add),
    "Subtract": _plain(np.subtract),
    "Multiply": _plain(np.multiply),
    "Divide": _plain(_divide),
    "FloorDivide": _plain(_floor_divide),
    "Negate": _plain(np.negative),
    "Sqrt": _plain(_root),
    "Round": _plain(_round),
    "BitwiseAnd": _plain(np.bitwise_and),
    "Equals": _plain(_equal),
    "NotEquals": _plain(np.not_equal),
    "Less": _plain(np.less),
    "LessEqual": _plain(np.less_equal),
    "Greater": _plain(np.greater),
    "GreaterEqual": _plain(np.greater_equal),
    "Not": _plain(np.logical_not),
    "Lowercase": _plain(_lower),
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
"""The operations by the name of their Ibis node: each makes, for a node, a function of its arguments' columns."""


def _merged(merge: np.ufunc, empty: np.int64) -> Callable[[Groups, Column], Column]:
    def apply(groups: Groups, column: Column) -> Column:
        values, missing = column
        if missing is None:
            return groups.merged(merge, values), None
        nothing = missing if groups.are_single else np.logical_and.reduceat(groups.sorted(missing), groups.starts)
        return groups.merged(merge, np.where(missing, empty, values)), nothing

    return apply


def _counted(groups: Groups) -> Column:
    return np.diff(groups.starts, append=groups.count), None


LEAST, MOST = np.int64(np.iinfo(np.int64).min), np.int64(np.iinfo(np.int64).max)
"""What a maximum and a minimum of nothing are: no number of a history comes so far."""

REDUCTIONS: dict[str, Callable[..., Column]] = {
    "Sum": _merged(np.add, np.int64(0)),
    "Max": _merged(np.maximum, LEAST),
    "Min": _merged(np.minimum, MOST),
    "CountStar": _counted,
}
"""The aggregates: each merges a column of whole numbers over groups of rows."""


@dataclass(frozen=True)
class Joined:
    """How partial aggregates merge: by which operation, and what stands for none."""

    join: np.ufunc
    nothing: np.int64

    @property
    def is_sum(self) -> bool:
        """Tell whether they are added up."""
        return self.join is np.add


def merge_of(partial: Partial) -> Joined:
    """Return how partials of this kind merge."""
    return _EXTREMES.get(partial.how, _SUM)


_SUM = Joined(np.add, np.int64(0))
_EXTREMES = {"min": Joined(np.minimum, MOST), "max": Joined(np.maximum, LEAST), "latest": Joined(np.maximum, LEAST)}

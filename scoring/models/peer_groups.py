"""Comparable customers: the medians of groups of the reference population with the same segment, size and tenure."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.stored_values import frozen

SIZES = ("spend_sum_365d", "attribute_employees")
TENURES = ("first_order_days_ago", "customer_age_days")
SEGMENTS = ("attribute_segment", "attribute_industry")
MIN_MEMBERS = 30
"""A smaller group says little about what is typical; its customers are compared with the next wider group."""
UNKNOWN = "?"


@dataclass(frozen=True)
class PeerGroups:
    """The medians of each group, by the key of the group.

    Parameters
    ----------
    cuts : the features of size and tenure, with the values that divide them into thirds.
    segment : the category that divides customers further, such as the industry.
    names : the numeric columns, in the order of the medians.
    medians : by group; the key joins the segment and the thirds, and wider groups have fewer parts.
    """

    cuts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    segment: str | None = None
    names: tuple[str, ...] = ()
    medians: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Matrix) -> "PeerGroups | None":
        """Group some rows; None where neither size nor tenure is known."""
        cuts = dict(_cuts(rows))
        if not cuts:
            return None
        known = rows.positions.keys()
        segment = next((name for name in SEGMENTS if name in known and rows.columns[rows.positions[name]].levels), None)
        numbers = [position for position, column in enumerate(rows.columns) if not column.is_category]
        empty = cls(cuts, segment, tuple(rows.columns[position].name for position in numbers))
        members: dict[str, list[int]] = {}
        for row, values in enumerate(rows.values.tolist()):
            for key in empty._keys(values, rows.positions):
                members.setdefault(key, []).append(row)
        large = {key: own for key, own in members.items() if len(own) >= MIN_MEMBERS}
        table = rows.values[:, numbers]
        return cls(cuts, segment, empty.names, {key: _medians(table[own]) for key, own in sorted(large.items())})

    def group_of(self, values: Sequence[float], positions: Mapping[str, int]) -> str | None:
        """Return the key of the closest group of one customer; None where it belongs to none."""
        return next((key for key in self._keys(values, positions) if key in self.medians), None)

    def typical(self, group: str) -> Mapping[str, float | None]:
        """Return the medians of a group by column."""
        return dict(zip(self.names, self.medians[group], strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the groups as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "PeerGroups":
        """Load what ``to_dict`` returned."""
        return cls(**frozen(stored))

    def _keys(self, values: Sequence[float], positions: Mapping[str, int]) -> Iterator[str]:
        """Yield the keys of the groups of one customer, the narrowest first."""
        known = ((values[positions[name]], cuts) for name, cuts in self.cuts.items())
        thirds = "|".join(UNKNOWN if value != value else str(bisect_left(cuts, value)) for value, cuts in known)
        if self.segment is not None:
            code = values[positions[self.segment]]
            yield f"{UNKNOWN if code != code else int(code)}|{thirds}"
        yield thirds


def _cuts(rows: Matrix) -> Iterator[tuple[str, tuple[float, ...]]]:
    for names in (SIZES, TENURES):
        for name in names:
            values = rows.column(name) if name in rows.positions else np.empty(0)
            known = values[~np.isnan(values)]
            if len(known) >= MIN_MEMBERS and known.min() < known.max():
                yield name, tuple(np.quantile(known, (1 / 3, 2 / 3)).tolist())
                break


def _medians(values: Floats) -> tuple[float | None, ...]:
    """Return each column's median, to six significant digits; None where fewer than half of the values are known."""
    known = np.isfinite(values).mean(axis=0) >= 0.5
    medians = [float(np.nanmedian(column)) if full else None for column, full in zip(values.T, known, strict=True)]
    return tuple(None if median is None else float(f"{median:.6g}") for median in medians)

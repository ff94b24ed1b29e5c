"""Parse the text of a LightGBM booster, one tree at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rapport.scoring.models.matrix import Floats

# Bits of LightGBM's decision_type.
CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_SHIFT = 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2


class UnsupportedBooster(Exception):  # noqa: N818  # not an error: LightGBM itself explains such a booster
    """The booster has a property that the lookup tables do not cover."""


@dataclass(frozen=True)
class Condition:
    """One condition on one feature; it is met where the row goes left.

    ``unknown`` tells whether an unknown value meets it, as itself or as the 0 that LightGBM replaces it with.
    """

    feature: int
    threshold: float
    levels: tuple[int, ...]
    unknown: bool


@dataclass(frozen=True)
class Node:
    """An inner node; a child below 0 is the leaf ``~child``."""

    condition: Condition
    left: int
    right: int
    count: float


@dataclass(frozen=True)
class Tree:
    """A decision tree with the number of training rows at every position."""

    nodes: tuple[Node, ...]
    values: tuple[float, ...]
    counts: tuple[float, ...]

    def count(self, child: int) -> float:
        """Return the number of training rows that reached a child."""
        return self.nodes[child].count if child >= 0 else self.counts[~child]

    @property
    def expected(self) -> float:
        """Return the mean leaf value over the training rows."""
        if not self.nodes:
            return self.values[0]
        return float(np.dot(self.values, self.counts) / self.nodes[0].count)


def feature_names(text: str) -> tuple[str, ...]:
    """Return a booster's features in their order."""
    head = text.split("\nTree=", 1)[0]
    return next(
        (tuple(line.split("=", 1)[1].split()) for line in head.splitlines() if line.startswith("feature_names=")), ()
    )


def parse_trees(text: str) -> Iterator[Tree]:
    """Yield every tree of a booster."""
    body = text.split("end of trees", 1)[0]
    for block in body.split("\nTree=")[1:]:
        yield _tree(dict(line.split("=", 1) for line in block.splitlines() if "=" in line))


def _tree(lines: Mapping[str, str]) -> Tree:
    values = _floats(lines["leaf_value"])
    if lines.get("is_linear", "0") != "0":
        raise UnsupportedBooster("its leaves are lines")
    if len(values) == 1:
        return Tree((), tuple(values.tolist()), (1.0,))
    fields = [
        lines[name].split() for name in ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    ]
    conditions = [_condition(lines, *fields_of_node) for fields_of_node in zip(*fields[:3], strict=True)]
    counts = _floats(lines["internal_count"])
    nodes = (
        Node(condition, int(left), int(right), float(count))
        for condition, left, right, count in zip(conditions, fields[3], fields[4], counts, strict=True)
    )
    return Tree(tuple(nodes), tuple(values.tolist()), tuple(_floats(lines["leaf_count"]).tolist()))


def _condition(lines: Mapping[str, str], feature: str, threshold: str, decision: str) -> Condition:
    kind, limit = int(decision), float(threshold)
    if kind & CATEGORICAL:
        return Condition(int(feature), np.nan, _levels(lines, int(limit)), False)
    missing = (kind >> MISSING_SHIFT) & 3
    if missing == MISSING_ZERO:
        raise UnsupportedBooster("it takes zero for unknown")
    unknown = bool(kind & DEFAULT_LEFT) if missing == MISSING_NAN else limit >= 0.0
    return Condition(int(feature), limit, (), unknown)


def _levels(lines: Mapping[str, str], position: int) -> tuple[int, ...]:
    edges = [int(edge) for edge in lines["cat_boundaries"].split()]
    words = [int(word) for word in lines["cat_threshold"].split()][edges[position] : edges[position + 1]]
    return tuple(32 * at + bit for at, word in enumerate(words) for bit in range(32) if word >> bit & 1)


def _floats(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float64)

"""Look up the Shapley values of many rows: conditions to bits, bits to bytes, bytes to table rows, and one sum."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.treeshap.booster_parser import Condition, UnsupportedBooster, parse_trees
from rapport.scoring.models.treeshap.tables import BITS, TreeFragment, tabulate_tree

CHUNK = 128
Bools = npt.NDArray[np.bool_]


class LookupTreeShap:
    """The lookup tables of some boosters, averaged; ``expected`` is the base of all Shapley values."""

    def __init__(self, fragments: Sequence[TreeFragment], width: int, expected: float, boosters: int) -> None:
        self.expected = expected / boosters
        self._width = width
        found = dict.fromkeys(condition for fragment in fragments for condition in fragment.conditions)
        conditions = sorted(found, key=lambda condition: bool(condition.levels))
        self._conditions = _Conditions(conditions, width)
        position = {condition: at for at, condition in enumerate(conditions)}
        self._narrow = _condition_columns([fragment for fragment in fragments if not fragment.is_wide], position, BITS)
        self._wide = _condition_columns([fragment for fragment in fragments if fragment.is_wide], position, 2 * BITS)
        sizes = np.array([len(fragment.shares) for fragment in fragments], dtype=np.int64)
        self._starts = (np.cumsum(sizes) - sizes).astype(np.int32)
        self._table = _stacked(fragments, width, boosters)

    def shares(self, values: Floats) -> Floats:
        """Return each row's Shapley values, rows x features; they do not depend on the other rows."""
        if not len(self._starts):
            return np.zeros((len(values), self._width))
        done = [self._chunk(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK)]
        return np.concatenate(done) if done else np.zeros((0, self._width))

    def _chunk(self, values: Floats) -> Floats:
        held = self._conditions.held(values)
        codes = np.packbits(held.take(self._narrow, axis=1), axis=1)
        if len(self._wide):
            wide = np.packbits(held.take(self._wide, axis=1), axis=1).view(">u2")
            codes = np.concatenate([codes, wide], axis=1)
        rows = codes + self._starts
        fragments = len(self._starts)
        ends = np.arange(len(values) + 1, dtype=np.int32) * fragments
        selection = sparse.csr_matrix(
            (np.ones(rows.size), rows.ravel(), ends), shape=(len(values), self._table.shape[0])
        )
        # A product of sparse matrices sums each row independently, in the order of the fragments.
        return np.asarray((selection @ self._table).toarray())


class _Conditions:
    """All distinct conditions of some trees, numeric ones first, evaluated together."""

    def __init__(self, conditions: Sequence[Condition], width: int) -> None:
        self._count = len(conditions)
        self._categories = [_CategoryConditions(feature, conditions) for feature in _categorical_features(conditions)]
        numbers = [held for held in conditions if not held.levels]
        self._columns = np.array([held.feature + width * held.unknown for held in numbers], dtype=np.intp)
        self._thresholds = np.array([held.threshold for held in numbers])

    def held(self, values: Floats) -> Bools:
        """Return which conditions each row meets, rows x conditions, and a last column that is never met."""
        held = np.zeros((len(values), self._count + 1), dtype=bool)
        # Unknown as the lowest number meets every threshold, as nan none: two copies cover both default directions.
        lowest = np.where(np.isnan(values), -np.inf, values)
        both = np.concatenate([values, lowest], axis=1)
        held[:, : len(self._thresholds)] = both.take(self._columns, axis=1) <= self._thresholds
        for category in self._categories:
            held[:, category.positions] = category.held(values[:, category.feature])
        return held


class _CategoryConditions:
    """The conditions on one category, by code; the last row is for codes that no condition lists."""

    def __init__(self, feature: int, conditions: Sequence[Condition]) -> None:
        own = [(at, held) for at, held in enumerate(conditions) if held.levels and held.feature == feature]
        self.feature = feature
        self.positions = [at for at, _ in own]
        self._size = 1 + max(max(held.levels) for _, held in own)
        self._table = np.zeros((self._size + 1, len(own)), dtype=bool)
        for position, (_, condition) in enumerate(own):
            self._table[list(condition.levels), position] = True

    def held(self, codes: Floats) -> Bools:
        known = (codes >= 0) & (codes < self._size)
        return self._table[np.where(known, codes, self._size).astype(np.intp)]


def _categorical_features(conditions: Sequence[Condition]) -> list[int]:
    return sorted({held.feature for held in conditions if held.levels})


def lookup_tree_shap(boosters: Sequence[str], width: int) -> LookupTreeShap | None:
    """Tabulate boosters of ``width`` features; None where only LightGBM itself can explain them."""
    fragments: list[TreeFragment] = []
    expected = 0.0
    try:
        for text in boosters:
            for tree in parse_trees(text):
                fragments.extend(tabulate_tree(tree))
                expected += tree.expected
    except UnsupportedBooster:
        return None
    # Fragments of one byte first, then those of two.
    return LookupTreeShap(sorted(fragments, key=lambda fragment: fragment.is_wide), width, expected, len(boosters))


def _condition_columns(
    fragments: Sequence[TreeFragment], position: Mapping[Condition, int], bits: int
) -> npt.NDArray[np.intp]:
    """Return the columns of each fragment's conditions, padded to ``bits`` at the high end by the one never met."""
    rows = [
        [len(position)] * (bits - len(fragment.conditions)) + [position[held] for held in fragment.conditions]
        for fragment in fragments
    ]
    return np.array(rows, dtype=np.intp).reshape(-1)


def _stacked(fragments: Sequence[TreeFragment], width: int, boosters: int) -> sparse.csr_matrix:
    if not fragments:
        return sparse.csr_matrix((0, width))
    values = np.concatenate([fragment.shares.ravel() for fragment in fragments]) / boosters
    features = [np.tile(np.array(fragment.features, dtype=np.int32), len(fragment.shares)) for fragment in fragments]
    lengths = np.concatenate([np.full(len(fragment.shares), len(fragment.features)) for fragment in fragments])
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return sparse.csr_matrix((values, np.concatenate(features), ends), shape=(len(lengths), width))

"""Looks the shares of many rows up: conditions to bits, bits to bytes, bytes to rows of the tables, and one sum."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from rapport.scoring.matrix import Floats
from rapport.scoring.treeshap.tables import BITS, Part, parts_of
from rapport.scoring.treeshap.text import Condition, NotReadable, trees_of
from scipy import sparse

CHUNK = 128
Bools = npt.NDArray[np.bool_]


class Kernel:
    """The tables of some boosters, averaged; ``expected`` is what all shares are measured from."""

    def __init__(self, parts: Sequence[Part], width: int, expected: float, boosters: int) -> None:
        self.expected = expected / boosters
        self._width = width
        found = dict.fromkeys(condition for part in parts for condition in part.conditions)
        conditions = sorted(found, key=lambda condition: bool(condition.levels))
        self._conditions = _Conditions(conditions, width)
        place = {condition: at for at, condition in enumerate(conditions)}
        self._narrow = _places([part for part in parts if not part.is_wide], place, BITS)
        self._wide = _places([part for part in parts if part.is_wide], place, 2 * BITS)
        sizes = np.array([len(part.shares) for part in parts], dtype=np.int64)
        self._starts = (np.cumsum(sizes) - sizes).astype(np.int32)
        self._table = _stacked(parts, width, boosters)

    def shares(self, values: Floats) -> Floats:
        """Give each row's shares, rows x features; a row's are the same in whatever company it stands."""
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
        places = codes + self._starts
        parts = len(self._starts)
        ends = np.arange(len(values) + 1, dtype=np.int32) * parts
        chosen = sparse.csr_matrix(
            (np.ones(places.size), places.ravel(), ends), shape=(len(values), self._table.shape[0])
        )
        # A product of sparse matrices adds each row up on its own, in the order of the parts.
        return np.asarray((chosen @ self._table).toarray())


class _Conditions:
    """All different conditions of some trees, those on numbers first, tried at once."""

    def __init__(self, conditions: Sequence[Condition], width: int) -> None:
        self._count = len(conditions)
        self._words = [_Words(feature, conditions) for feature in _worded(conditions)]
        numbers = [held for held in conditions if not held.levels]
        self._columns = np.array([held.feature + width * held.unknown for held in numbers], dtype=np.intp)
        self._thresholds = np.array([held.threshold for held in numbers])

    def held(self, values: Floats) -> Bools:
        """Say which conditions each row passes, rows x conditions and a last column for never."""
        held = np.zeros((len(values), self._count + 1), dtype=bool)
        # Unknown as the lowest number passes every threshold, as nan none: two copies answer for both kinds of default.
        lowest = np.where(np.isnan(values), -np.inf, values)
        both = np.concatenate([values, lowest], axis=1)
        held[:, : len(self._thresholds)] = both.take(self._columns, axis=1) <= self._thresholds
        for words in self._words:
            held[:, words.places] = words.held(values[:, words.feature])
        return held


class _Words:
    """The conditions on one category, by code; the last row is for codes that no condition names."""

    def __init__(self, feature: int, conditions: Sequence[Condition]) -> None:
        own = [(at, held) for at, held in enumerate(conditions) if held.levels and held.feature == feature]
        self.feature = feature
        self.places = [at for at, _ in own]
        self._size = 1 + max(max(held.levels) for _, held in own)
        self._table = np.zeros((self._size + 1, len(own)), dtype=bool)
        for place, (_, condition) in enumerate(own):
            self._table[list(condition.levels), place] = True

    def held(self, codes: Floats) -> Bools:
        known = (codes >= 0) & (codes < self._size)
        return self._table[np.where(known, codes, self._size).astype(np.intp)]


def _worded(conditions: Sequence[Condition]) -> list[int]:
    return sorted({held.feature for held in conditions if held.levels})


def kernel_of(boosters: Sequence[str], width: int) -> Kernel | None:
    """Tabulate boosters of ``width`` features, or give nothing where LightGBM has to be asked."""
    parts: list[Part] = []
    expected = 0.0
    try:
        for text in boosters:
            for tree in trees_of(text):
                parts.extend(parts_of(tree))
                expected += tree.expected
    except NotReadable:
        return None
    # Parts of one byte first, then those of two.
    return Kernel(sorted(parts, key=lambda part: part.is_wide), width, expected, len(boosters))


def _places(parts: Sequence[Part], place: Mapping[Condition, int], bits: int) -> npt.NDArray[np.intp]:
    """Say where each part's conditions stand, filled up to ``bits`` from the high end by the one that never holds."""
    rows = [[len(place)] * (bits - len(part.conditions)) + [place[held] for held in part.conditions] for part in parts]
    return np.array(rows, dtype=np.intp).reshape(-1)


def _stacked(parts: Sequence[Part], width: int, boosters: int) -> sparse.csr_matrix:
    if not parts:
        return sparse.csr_matrix((0, width))
    values = np.concatenate([part.shares.ravel() for part in parts]) / boosters
    features = [np.tile(np.array(part.features, dtype=np.int32), len(part.shares)) for part in parts]
    lengths = np.concatenate([np.full(len(part.shares), len(part.features)) for part in parts])
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return sparse.csr_matrix((values, np.concatenate(features), ends), shape=(len(lengths), width))

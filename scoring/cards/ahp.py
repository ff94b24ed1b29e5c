"""Weights from experts' pairwise comparisons: the analytic hierarchy process (Saaty, 1980)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rapport.errors import CardError
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.config_models import ConfigModel, Number, Text

LIMIT = 0.1
"""Judgments with a consistency ratio above this limit are refused, as Saaty recommends."""
LARGEST = 9.0

# Mean consistency index of random judgments by number of items (Saaty); index 0 is for one item.
_RANDOM = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)


@dataclass(frozen=True)
class Comparison(ConfigModel):
    """`more` is `times` as important as `than`, from 1 (equal) to 9 (extreme)."""

    more: Text
    than: Text
    times: Number


@dataclass(frozen=True)
class Judgment:
    """One expert's comparisons of one group of items."""

    expert: str
    group: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Priorities:
    """The weights of one group, which sum to 1, and each expert's consistency ratio."""

    group: str
    weights: Mapping[str, float]
    consistency: Mapping[str, float]


def priorities(items: Sequence[str], judgments: Sequence[Judgment]) -> Priorities:
    """Derive weights from several experts' judgments of one group.

    Each expert must be consistent; the judgments are then combined by their geometric mean, which keeps them
    reciprocal, and the weights are the principal eigenvector.
    """
    group = judgments[0].group
    matrices = {each.expert: _matrix(items, each) for each in judgments}
    consistency = {expert: consistency_ratio(matrix) for expert, matrix in matrices.items()}
    for expert, ratio in consistency.items():
        if ratio > LIMIT:
            raise CardError(_refusal(expert, group, ratio, _worst_triple(items, matrices[expert])))
    joined = np.exp(np.mean([np.log(matrix) for matrix in matrices.values()], axis=0))
    weights = _principal(joined)[1]
    return Priorities(group, dict(zip(items, weights.tolist(), strict=True)), consistency)


def consistency_ratio(matrix: Floats) -> float:
    """Return the consistency index of a reciprocal matrix divided by that of random judgments."""
    size = len(matrix)
    if size <= 2:
        return 0.0
    return float(max(0.0, (_principal(matrix)[0] - size) / (size - 1) / _RANDOM[size - 1]))


def _principal(matrix: Floats) -> tuple[float, Floats]:
    values, vectors = np.linalg.eig(matrix)
    at = int(np.argmax(values.real))
    vector = np.abs(vectors[:, at].real)
    return float(values[at].real), vector / vector.sum()


def _matrix(items: Sequence[str], judgment: Judgment) -> Floats:
    where = f"{judgment.expert}, {judgment.group}"
    if len(items) > len(_RANDOM):
        raise CardError(f"{where}: {len(items)} items are too many to compare; at most {len(_RANDOM)} are possible.")
    matrix = np.eye(len(items))
    for comparison in judgment.comparisons:
        row, column = (_position(items, name, where) for name in (comparison.more, comparison.than))
        if row == column or matrix[row, column]:
            raise CardError(f"{where}: {comparison.more} and {comparison.than} are compared twice. Keep one line.")
        if not 1 / LARGEST <= comparison.times <= LARGEST:
            raise CardError(
                f"{where}: {comparison.more} {comparison.times:g} times {comparison.than} is outside 1 to 9."
            )
        matrix[row, column], matrix[column, row] = comparison.times, 1 / comparison.times
    missing = [(items[a], items[b]) for a, b in combinations(range(len(items)), 2) if not matrix[a, b]]
    if missing:
        pairs = "; ".join(f"{a} with {b}" for a, b in missing[:3])
        raise CardError(f"{where}: {len(missing)} pairs are not compared, such as {pairs}. Every pair needs a line.")
    return matrix


def _position(items: Sequence[str], name: str, where: str) -> int:
    if name not in items:
        raise CardError(f"{where}: there is no “{name}” to compare. Items: {', '.join(items)}.")
    return items.index(name)


def _worst_triple(items: Sequence[str], matrix: Floats) -> tuple[str, str, str, float, float]:
    def gap(triple: tuple[int, int, int]) -> float:
        a, b, c = triple
        return abs(float(np.log(matrix[a, b] * matrix[b, c] / matrix[a, c])))

    a, b, c = max(combinations(range(len(items)), 3), key=gap)
    return items[a], items[b], items[c], float(matrix[a, b] * matrix[b, c]), float(matrix[a, c])


def _refusal(expert: str, group: str, ratio: float, triple: tuple[str, str, str, float, float]) -> str:
    a, b, c, implied, direct = triple
    return (
        f"{expert}, {group}: the comparisons contradict each other (consistency ratio {ratio:.2f}, at most {LIMIT:g})."
        f" Most of all {a}, {b}, {c}: by way of {b}, {a} matters {implied:.2g} times {c}; directly {direct:.2g} times."
        " Ask about these three again."
    )

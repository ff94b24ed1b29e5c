"""Tables of TreeSHAP: the Shapley values of a few leaves of one tree, for every combination of their conditions.

Path-dependent TreeSHAP (Lundberg, Erion & Lee 2018) gives, for one leaf and the features U on its path,

    share of i = value x (o_i - z_i) x sum over S in U without i of |S|! (|U|-|S|-1)! / |U|! x prod_S o x prod_rest z

where o_j tells whether the row meets j's conditions and z_j is the share of training rows that did. The row enters only
through the bits o. So the conditions of a fragment of a tree, about eight, form one number, which indexes the sums.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.treeshap.booster_parser import Condition, Tree, UnsupportedBooster

# A fragment that starts deep in the tree includes the path to it; it may have more conditions, stored in two bytes.
BITS, WIDE = 8, 14
Steps = tuple[tuple[int, bool], ...]


@dataclass(frozen=True)
class TreeFragment:
    """Some leaves of a tree: their conditions, their features, and the Shapley values for every combination.

    The first condition is the highest bit, as in ``numpy.packbits``.
    """

    conditions: tuple[Condition, ...]
    features: tuple[int, ...]
    shares: Floats

    @property
    def is_wide(self) -> bool:
        """Tell whether its conditions need two bytes."""
        return len(self.conditions) > BITS


def tabulate_tree(tree: Tree) -> Iterator[TreeFragment]:
    """Cut a tree into fragments of at most ``BITS`` conditions (``WIDE`` deep in the tree), and tabulate each."""
    if tree.nodes:
        for root, above in _cuts(tree, 0, ()):
            yield _part(tree, list(_paths(tree, root, above)))


def _cuts(tree: Tree, node: int, above: Steps) -> Iterator[tuple[int, Steps]]:
    held = len(above) + _inner(tree, node)
    if held <= BITS or (held <= WIDE and (node < 0 or len(above) >= BITS - 2)):
        yield node, above
        return
    if node < 0:
        raise UnsupportedBooster(f"it is deeper than {WIDE}")
    yield from _cuts(tree, tree.nodes[node].left, (*above, (node, True)))
    yield from _cuts(tree, tree.nodes[node].right, (*above, (node, False)))


def _inner(tree: Tree, node: int) -> int:
    return 0 if node < 0 else 1 + _inner(tree, tree.nodes[node].left) + _inner(tree, tree.nodes[node].right)


def _paths(tree: Tree, node: int, above: Steps) -> Iterator[tuple[int, Steps]]:
    """Yield each leaf below ``node`` with its path: the nodes, and whether the path goes left."""
    if node < 0:
        yield ~node, above
        return
    yield from _paths(tree, tree.nodes[node].left, (*above, (node, True)))
    yield from _paths(tree, tree.nodes[node].right, (*above, (node, False)))


def _part(tree: Tree, paths: list[tuple[int, Steps]]) -> TreeFragment:
    passed = list(dict.fromkeys(node for _, steps in paths for node, _ in steps))
    features = tuple(dict.fromkeys(tree.nodes[node].condition.feature for node in passed))
    position = {feature: at for at, feature in enumerate(features)}
    held = _combinations(len(passed))
    bit = {node: held[:, at] for at, node in enumerate(passed)}
    shares = np.zeros((len(held), len(features)))
    for leaf, steps in paths:
        hot, cold = _along(tree, steps, bit)
        own = [position[feature] for feature in hot]
        code = sum(passes.astype(np.intp) << at for at, passes in enumerate(hot.values()))
        shares[:, own] += tree.values[leaf] * _leaf(tuple(cold.values()))[code]
    return TreeFragment(tuple(tree.nodes[node].condition for node in passed), features, shares)


def _along(
    tree: Tree, steps: Steps, bit: dict[int, npt.NDArray[np.bool_]]
) -> tuple[dict[int, npt.NDArray[np.bool_]], dict[int, float]]:
    """Return, for each feature on a path, where its conditions are met and the share of training rows that met them."""
    hot: dict[int, npt.NDArray[np.bool_]] = {}
    cold: dict[int, float] = {}
    for node, left in steps:
        feature = tree.nodes[node].condition.feature
        passes = bit[node] if left else ~bit[node]
        hot[feature] = hot[feature] & passes if feature in hot else passes
        child = tree.nodes[node].left if left else tree.nodes[node].right
        cold[feature] = cold.get(feature, 1.0) * tree.count(child) / tree.nodes[node].count
    return hot, cold


def _leaf(cold: tuple[float, ...]) -> Floats:
    """Return the Shapley values of a leaf of value 1, 2^features x features; bit j of the row index is o_j.

    The sum over subsets is the integral over t in [0, 1] of the product over j of (o_j t + z_j (1 - t)), a polynomial,
    which Gauss-Legendre quadrature integrates exactly.
    """
    count = len(cold)
    points, weights = _gauss((count + 1) // 2)
    met = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
    share = np.array(cold)
    factors = met[:, :, None] * points + share[None, :, None] * (1.0 - points)
    # The product over all except j is the product of those before j times the product of those after it.
    before, after = np.ones_like(factors), np.ones_like(factors)
    before[:, 1:] = np.multiply.accumulate(factors[:, :-1], axis=1)
    after[:, :-1] = np.multiply.accumulate(factors[:, :0:-1], axis=1)[:, ::-1]
    shares: Floats = (met - share) * (before * after * weights).sum(axis=2)
    return shares


@cache
def _combinations(count: int) -> npt.NDArray[np.bool_]:
    """Return every combination of ``count`` conditions, the first as the highest bit."""
    codes = np.arange(1 << count)
    return ((codes[:, None] >> np.arange(count - 1, -1, -1)) & 1).astype(bool)


@cache
def _gauss(count: int) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(max(count, 1))
    return (points + 1.0) / 2.0, weights / 2.0

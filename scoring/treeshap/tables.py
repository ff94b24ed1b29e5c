"""Tables of TreeSHAP: what a few leaves of one tree give to each feature, for every way their conditions can turn out.

Path-dependent TreeSHAP (Lundberg, Erion & Lee 2018) gives, for one leaf and the features U on its path,

    share of i = value x (o_i - z_i) x sum over S in U without i of |S|! (|U|-|S|-1)! / |U|! x prod_S o x prod_rest z

where o_j says whether the row passes j's conditions and z_j is the share of training rows that did. The row enters by
the bits o alone. So the conditions of a part of a tree, some eight, make one number, and the number looks the sum up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from rapport.scoring.matrix import Floats
from rapport.scoring.treeshap.text import Condition, NotReadable, Tree

# A part that starts deep down carries its long way there; it may have more conditions, of which two bytes are made.
BITS, WIDE = 8, 14
Steps = tuple[tuple[int, bool], ...]


@dataclass(frozen=True)
class Part:
    """Some leaves of a tree: their conditions, the features they speak of, and the shares for every turn-out.

    The first condition is the highest bit, as ``numpy.packbits`` has it.
    """

    conditions: tuple[Condition, ...]
    features: tuple[int, ...]
    shares: Floats

    @property
    def is_wide(self) -> bool:
        """Tell whether its conditions need two bytes."""
        return len(self.conditions) > BITS


def parts_of(tree: Tree) -> Iterator[Part]:
    """Cut a tree into parts of at most ``BITS`` conditions, far down of ``WIDE``, and tabulate each."""
    if tree.nodes:
        for root, above in _cuts(tree, 0, ()):
            yield _part(tree, list(_paths(tree, root, above)))


def _cuts(tree: Tree, node: int, above: Steps) -> Iterator[tuple[int, Steps]]:
    held = len(above) + _inner(tree, node)
    if held <= BITS or (held <= WIDE and (node < 0 or len(above) >= BITS - 2)):
        yield node, above
        return
    if node < 0:
        raise NotReadable(f"it is deeper than {WIDE}")
    yield from _cuts(tree, tree.nodes[node].left, (*above, (node, True)))
    yield from _cuts(tree, tree.nodes[node].right, (*above, (node, False)))


def _inner(tree: Tree, node: int) -> int:
    return 0 if node < 0 else 1 + _inner(tree, tree.nodes[node].left) + _inner(tree, tree.nodes[node].right)


def _paths(tree: Tree, node: int, above: Steps) -> Iterator[tuple[int, Steps]]:
    """Give each leaf below ``node`` with its path: the nodes passed, and whether to the left."""
    if node < 0:
        yield ~node, above
        return
    yield from _paths(tree, tree.nodes[node].left, (*above, (node, True)))
    yield from _paths(tree, tree.nodes[node].right, (*above, (node, False)))


def _part(tree: Tree, paths: list[tuple[int, Steps]]) -> Part:
    passed = list(dict.fromkeys(node for _, steps in paths for node, _ in steps))
    features = tuple(dict.fromkeys(tree.nodes[node].condition.feature for node in passed))
    place = {feature: at for at, feature in enumerate(features)}
    held = _held(len(passed))
    bit = {node: held[:, at] for at, node in enumerate(passed)}
    shares = np.zeros((len(held), len(features)))
    for leaf, steps in paths:
        hot, cold = _along(tree, steps, bit)
        own = [place[feature] for feature in hot]
        code = sum(passes.astype(np.intp) << at for at, passes in enumerate(hot.values()))
        shares[:, own] += tree.values[leaf] * _leaf(tuple(cold.values()))[code]
    return Part(tuple(tree.nodes[node].condition for node in passed), features, shares)


def _along(
    tree: Tree, steps: Steps, bit: dict[int, npt.NDArray[np.bool_]]
) -> tuple[dict[int, npt.NDArray[np.bool_]], dict[int, float]]:
    """Give, for each feature on a path, where its conditions are passed and the share of training rows that passed."""
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
    """Give the shares of a leaf of value 1, 2^features x features; bit j of the row says that feature j is passed.

    The sum over subsets is the integral over t in [0, 1] of the product over j of (o_j t + z_j (1 - t)), a polynomial,
    which Gauss's points give exactly.
    """
    count = len(cold)
    points, weights = _gauss((count + 1) // 2)
    passed = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
    share = np.array(cold)
    factors = passed[:, :, None] * points + share[None, :, None] * (1.0 - points)
    # The product over all but j is that of those before j times that of those after.
    before, after = np.ones_like(factors), np.ones_like(factors)
    before[:, 1:] = np.multiply.accumulate(factors[:, :-1], axis=1)
    after[:, :-1] = np.multiply.accumulate(factors[:, :0:-1], axis=1)[:, ::-1]
    shares: Floats = (passed - share) * (before * after * weights).sum(axis=2)
    return shares


@cache
def _held(count: int) -> npt.NDArray[np.bool_]:
    """Give every way that ``count`` conditions can turn out, the first as the highest bit."""
    codes = np.arange(1 << count)
    return ((codes[:, None] >> np.arange(count - 1, -1, -1)) & 1).astype(bool)


@cache
def _gauss(count: int) -> tuple[Floats, Floats]:
    points, weights = np.polynomial.legendre.leggauss(max(count, 1))
    return (points + 1.0) / 2.0, weights / 2.0

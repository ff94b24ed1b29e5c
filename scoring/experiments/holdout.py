"""The draw of held-out customers: at random within blocks of similar scores, so that both groups are alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 20
"""Customers of neighbouring scores that are drawn from together."""


def draw_holdout(scores: npt.NDArray[np.float64], share: float, seed: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return who is held out; each customer with probability ``share``, about as many in each block of scores."""
    draw, held = np.random.default_rng(seed), np.zeros(len(scores), dtype=bool)
    order = np.argsort(-scores, kind="stable")
    for first in range(0, len(order), BLOCK):
        block = order[first : first + BLOCK]
        # The fraction is rounded at random, so that the expected share is exact.
        count = int(len(block) * share + draw.random())
        held[draw.permutation(block)[:count]] = True
    return held

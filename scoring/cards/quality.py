"""How well a score ranks outcomes, in plain numpy, because the audit runs where scikit-learn is not."""

import numpy as np
import numpy.typing as npt
from rapport.scoring.cards.bands import Floats

Labels = npt.NDArray[np.int8]


def auc(labels: npt.NDArray[np.generic], risk: Floats) -> float:
    """Give the chance that one who left had a higher risk than one who stayed, ties counting half."""
    left = np.asarray(labels) == 1
    lefts, stays = int(left.sum()), int((~left).sum())
    if not lefts or not stays:
        return float("nan")
    _, inverse, counts = np.unique(risk, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[left].sum() - lefts * (lefts + 1) / 2) / (lefts * stays))


def average_precision(labels: npt.NDArray[np.generic], risk: Floats) -> float:
    """Give the mean precision over the outcomes, equal scores taken together."""
    left = np.asarray(labels) == 1
    if not left.any():
        return float("nan")
    values, inverse = np.unique(-np.asarray(risk), return_inverse=True)
    taken = np.cumsum(np.bincount(inverse, minlength=len(values)))
    found = np.cumsum(np.bincount(inverse[left], minlength=len(values)))
    steps = np.diff(found, prepend=0) / left.sum()
    return float((steps * found / taken).sum())


def stability(before: Floats, after: Floats) -> float:
    """Give the population stability index of two sets of counts; above 0.25 they are not alike."""
    was, is_now = ((np.asarray(each, float) + 0.5) / (np.sum(each) + 0.5 * len(each)) for each in (before, after))
    return float(((is_now - was) * np.log(is_now / was)).sum())

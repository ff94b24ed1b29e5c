"""Ranking metrics in plain NumPy, because an audit must run without scikit-learn."""

import numpy as np
import numpy.typing as npt

from rapport.scoring.cards.bands import Floats

Labels = npt.NDArray[np.int8]


def auc(labels: npt.NDArray[np.generic], risk: Floats) -> float:
    """Return the area under the ROC curve; ties count half."""
    positive = np.asarray(labels) == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(risk, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: npt.NDArray[np.generic], risk: Floats) -> float:
    """Return the average precision; equal scores are one step."""
    positive = np.asarray(labels) == 1
    if not positive.any():
        return float("nan")
    values, inverse = np.unique(-np.asarray(risk), return_inverse=True)
    taken = np.cumsum(np.bincount(inverse, minlength=len(values)))
    found = np.cumsum(np.bincount(inverse[positive], minlength=len(values)))
    steps = np.diff(found, prepend=0) / positive.sum()
    return float((steps * found / taken).sum())


def psi(before: Floats, after: Floats) -> float:
    """Return the population stability index of two sets of counts; above 0.25 they differ clearly."""
    old, new = ((np.asarray(each, float) + 0.5) / (np.sum(each) + 0.5 * len(each)) for each in (before, after))
    return float(((new - old) * np.log(new / old)).sum())

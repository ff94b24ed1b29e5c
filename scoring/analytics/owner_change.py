"""How customers' health changed under each owner, beyond what customers alike did: the figure that is fair to owners.

Low scores tend to rise and high ones to fall by themselves (regression to the mean), and industries have good and bad
months. So each customer is compared with what its earlier health and its industry let expect, and the mean of an owner
with few customers is shrunk towards 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

MIN_CUSTOMERS = 50
"""With fewer customers whose earlier health is known, nothing can be expected of a change."""
_Z = 1.96


@dataclass(frozen=True)
class OwnerChange:
    """The adjusted change of one owner's customers, with a 95 % interval."""

    mean: float
    low: float
    high: float


def adjusted_changes(before: Floats, now: Floats, industry: Texts, owner: Texts) -> dict[str, OwnerChange]:
    """Return the adjusted change of each owner; empty if too few customers have an earlier health."""
    known = ~np.isnan(before) & ~np.isnan(now)
    if known.sum() < MIN_CUSTOMERS:
        return {}
    names, of_owner, counts = np.unique(owner[known].astype(str), return_inverse=True, return_counts=True)
    beyond = _beyond_expected(before[known], now[known], industry[known], of_owner)
    means = np.bincount(of_owner, beyond) / counts
    within = float(np.sum((beyond - means[of_owner]) ** 2) / max(1, len(beyond) - len(names)))
    # What the means of owners vary by more than chance explains.
    between = max(0.0, float(np.average(means**2 - within / counts, weights=counts)))
    shrunk = between / (between + within / counts) if between else np.zeros(len(names))
    half = _Z * np.sqrt(shrunk * within / counts)
    return {
        str(name): OwnerChange(mean, mean - wide, mean + wide)
        for name, mean, wide in zip(names, (shrunk * means).tolist(), half.tolist(), strict=True)
    }


def _beyond_expected(before: Floats, now: Floats, industry: Texts, of_owner: npt.NDArray[np.intp]) -> Floats:
    """Return each change beyond the line of earlier health and the level of its industry; their mean is 0.

    Owners have levels of their own while the line is fitted, or it would take part of what an owner did.
    """
    _, of_industry = np.unique(industry.astype(str), return_inverse=True)
    levels = [np.eye(each.max() + 1)[each] for each in (of_industry, of_owner)]
    design = np.column_stack([before, *levels])
    fitted, *_ = np.linalg.lstsq(design, now, rcond=None)
    expected = 1 + levels[0].shape[1]
    beyond = now - design[:, :expected] @ fitted[:expected]
    return np.asarray(beyond - beyond.mean())

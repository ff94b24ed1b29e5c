"""Score volatility: how far a customer's score moves between two cutoffs.

If scores are calibrated, a later score is the earlier one plus what was learned since, so the spread of the steps is
what the earlier score could not know. No outcome is needed, only two scores of the same customer a sixth of the
horizon apart: what is learned later still is mostly news that did not exist at the earlier cutoff.
"""

from itertools import permutations

import numpy as np

from rapport.scoring.models.matrix import Floats
from rapport.training.data.dataset import Dataset, IndexArray

STEPS_PER_HORIZON = 6
# Cutoffs from a twelfth to a third of the horizon apart; their steps are scaled like those of a random walk.
MIN_GAP, MAX_GAP = 0.95 / 12, 1 / 3
MIN_CUSTOMERS = 10


def subsample_customers(dataset: Dataset, most: int) -> Dataset:
    """Keep about ``most`` rows: one in so many customers, with all their rows."""
    _, customer = np.unique(dataset.customer_ids.astype(str), return_inverse=True)
    return dataset if len(dataset) <= most else dataset.take(np.flatnonzero(customer % (1 + len(dataset) // most) == 0))


def score_steps(dataset: Dataset, logits: Floats, horizon_days: float) -> tuple[IndexArray, Floats]:
    """Return the earlier row of each pair of scores, and its step in log-odds, scaled to a sixth of the horizon.

    A step that all customers share between two cutoffs is the base rate, and is removed.
    """
    _, customer = np.unique(dataset.customer_ids.astype(str), return_inverse=True)
    found: list[tuple[IndexArray, Floats]] = [(np.zeros(0, dtype=np.intp), np.zeros(0))]
    for before, after in permutations(range(len(dataset.cutoffs)), 2):
        share = (dataset.cutoffs[after] - dataset.cutoffs[before]).total_seconds() / 86400 / horizon_days
        if MIN_GAP <= share <= MAX_GAP:
            first, second = (np.flatnonzero(dataset.cutoff_index == index) for index in (before, after))
            _, here, there = np.intersect1d(customer[first], customer[second], return_indices=True)
            if len(here) >= MIN_CUSTOMERS:
                step = logits[second[there]] - logits[first[here]]
                found.append((first[here], (step - step.mean()) / np.sqrt(STEPS_PER_HORIZON * share)))
    earlier, steps = zip(*found, strict=True)
    return np.concatenate(earlier), np.concatenate(steps)

"""How far a customer's score moves from one look to the next: what is hidden today is what the weeks to come will show.

Of chances that are right, the later one is the earlier one and what was learnt since, so the steps between them spread
as far as what the earlier one could not know and the later one could. No outcome is needed, only two looks at the same
customer, a sixth of the horizon apart: what is learnt later still is mostly news, and was not there to be known.
"""

from itertools import permutations

import numpy as np
from rapport.scoring.matrix import Floats
from rapport.training.rows import Places, Rows

SHARE = 6
# Looks from a twelfth to a third of the horizon apart; their steps are taken to grow as those of a random walk.
NEAREST, FARTHEST = 0.95 / 12, 1 / 3
FEWEST = 10


def looked_at_twice(rows: Rows, most: int) -> Rows:
    """Keep about ``most`` rows: of the customers one in so many, with all their rows."""
    _, person = np.unique(rows.ids.astype(str), return_inverse=True)
    return rows if len(rows) <= most else rows.take(np.flatnonzero(person % (1 + len(rows) // most) == 0))


def steps_of(rows: Rows, said: Floats, horizon_days: float) -> tuple[Places, Floats]:
    """Return the earlier row of each two looks at a customer, and how far its log-odds moved in a sixth of the horizon.

    What moved all customers alike between two cutoffs is the level, and is taken out.
    """
    _, person = np.unique(rows.ids.astype(str), return_inverse=True)
    found: list[tuple[Places, Floats]] = [(np.zeros(0, dtype=np.intp), np.zeros(0))]
    for before, after in permutations(range(len(rows.cutoffs)), 2):
        share = (rows.cutoffs[after] - rows.cutoffs[before]).total_seconds() / 86400 / horizon_days
        if NEAREST <= share <= FARTHEST:
            first, second = (np.flatnonzero(rows.moment == place) for place in (before, after))
            _, here, there = np.intersect1d(person[first], person[second], return_indices=True)
            if len(here) >= FEWEST:
                step = said[second[there]] - said[first[here]]
                found.append((first[here], (step - step.mean()) / np.sqrt(SHARE * share)))
    earlier, moved = zip(*found, strict=True)
    return np.concatenate(earlier), np.concatenate(moved)

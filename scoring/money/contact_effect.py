"""The chance that a contact keeps a customer who would leave: an assumption until an experiment measures it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rapport.scoring.money.assumptions import Assumptions

Floats = npt.NDArray[np.float64]


def contact_effect(probability: Floats, silence: Floats, assumptions: Assumptions) -> Floats:
    """Return the effect of a contact on each customer.

    It falls with the churn probability and with ``silence`` (days since the last order in order cadences): a customer
    who has been silent for many cadences has most likely left already, and no call brings back who is gone. Unknown
    silence, as after a single order, counts as one cadence.
    """
    late = np.maximum(np.nan_to_num(silence, nan=1.0) - 1.0, 0.0)
    still_there = 0.5 ** (late / assumptions.contact_half_life)
    return np.asarray(assumptions.contact_effect * np.sqrt(np.maximum(1.0 - probability, 0.0)) * still_there)

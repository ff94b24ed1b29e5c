"""How much one customer's own history tells, in words: its probability may differ from that of similar customers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rapport.scoring.models.score_batch import ScoreBatch
from rapport.scoring.reasons.answer_fields import Certainty

HIGH: Certainty = "high"
MEDIUM: Certainty = "medium"
LOW: Certainty = "low"
MAX_WIDTHS = ((HIGH, 0.25), (MEDIUM, 0.5))
"""The level up to a width of the interval of the customer's own probability; wider is low."""


def certainty_levels(batch: ScoreBatch, rows: Sequence[int]) -> list[Certainty | None]:
    """Return the level of each row; None without a probability, or for a bundle without intervals."""
    interval = batch.bundle.individual or batch.bundle.interval
    if interval is None:
        return [None] * len(rows)
    some = np.array(rows, dtype=np.intp)
    low, high = interval.around(batch.logit[some], batch.rows.take(some))
    return [None if np.isnan(width) else _level(width) for width in high - low]


def _level(width: float) -> Certainty:
    return next((level for level, most in MAX_WIDTHS if width <= most), LOW)

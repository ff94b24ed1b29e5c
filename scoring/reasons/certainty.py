"""How much one customer's own history tells, in words: its probability may differ from that of similar customers."""

from collections.abc import Sequence

import numpy as np

from rapport.localized import LocalizedText
from rapport.scoring.models.score_batch import ScoreBatch

HIGH, MEDIUM, LOW = "high", "medium", "low"
MAX_WIDTHS = ((HIGH, 0.25), (MEDIUM, 0.5))
"""The level up to a width of the interval of the customer's own probability; wider is low."""
NOTES = {
    HIGH: LocalizedText("This customer's own history tells much.", "该客户自身的历史信息充分。"),
    MEDIUM: LocalizedText(
        "This customer's own history tells something; its own chance may differ from that of similar customers.",
        "该客户自身的历史信息有限，其个体概率可能与同类客户有所不同。",
    ),
    LOW: LocalizedText(
        "This customer's own history tells little: its own chance may be far from that of similar customers. Check the "
        "facts first.",
        "该客户自身的历史信息很少，其个体概率可能与同类客户相差较大，请先核对事实。",
    ),
}


def certainty_levels(batch: ScoreBatch, rows: Sequence[int]) -> list[str | None]:
    """Return the level of each row; None without a probability, or for a bundle without intervals."""
    interval = batch.bundle.individual or batch.bundle.interval
    if interval is None:
        return [None] * len(rows)
    some = batch.take(np.array(rows, dtype=np.intp))
    low, high = interval.around(some.logit, some.rows)
    return [None if np.isnan(width) else _level(width) for width in high - low]


def _level(width: float) -> str:
    return next((level for level, most in MAX_WIDTHS if width <= most), LOW)

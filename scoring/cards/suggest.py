"""Suggests a card's weights from what happened: a logistic fit whose weights may not be negative."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.indicator import UNKNOWN
from rapport.scoring.cards.quality import auc
from rapport.scoring.cards.weights import with_weights

from rapport.errors import CardError

FEWEST = 20
"""Fewer outcomes than this carry no weights."""
_RIDGE = 1e-3
_STEPS = 2000


@dataclass(frozen=True)
class Suggestion:
    """Weights from history beside the written ones, and how both rank customers of a later time."""

    present: Card
    proposed: Card
    present_auc: float
    proposed_auc: float
    learned_from: int
    judged_on: int

    def as_dict(self) -> dict[str, Any]:
        """Give both weights in points of 100, and both AUCs out of time."""
        pairs = {
            name: [100 * self.present.weights[name], 100 * self.proposed.weights[name]] for name in self.present.names
        }
        figures = {"present": self.present_auc, "proposed": self.proposed_auc}
        return {"card": self.present.name, "weights": pairs, "auc_out_of_time": figures} | {
            "learned_from": self.learned_from,
            "judged_on": self.judged_on,
        }

    def as_text(self) -> str:
        """Give the same for reading."""
        lines = [f"{self.present.name}: weights in points of 100, present and suggested"]
        lines += [f"{name:<30}{old:>9.1f}{new:>9.1f}" for name, (old, new) in self.as_dict()["weights"].items()]
        lines.append(
            f"AUC on {self.judged_on} later rows: {self.present_auc:.3f} present, {self.proposed_auc:.3f} suggested"
            f" (learned from {self.learned_from} earlier rows). Nothing is changed."
        )
        return "\n".join(lines)


def suggest(card: Card, earlier: pa.Table, later: pa.Table, *, good_is: int) -> Suggestion:
    """Fit weights on earlier rows with a `label`, and judge both cards on later ones.

    `good_is` says which label a high score should go with: 0 for churn, 1 for conversion.
    """
    labels = np.asarray(earlier["label"])
    if min((labels == 0).sum(), (labels == 1).sum()) < FEWEST:
        raise CardError(
            f"{card.name}: {int(labels.sum())} outcomes in {len(labels)} rows are too few to suggest weights;"
            f" at least {FEWEST} of each kind are needed."
        )
    fitted = card.fitted(earlier)
    weights = non_negative(_deviations(fitted, earlier), labels == good_is)
    if not weights.any():
        raise CardError(f"{card.name}: no indicator goes with the outcome in its direction, so there are no weights.")
    points = dict(zip(card.names, (100 * weights / weights.sum()).tolist(), strict=True))
    proposed = with_weights(fitted, points, "suggested")
    truth = np.asarray(later["label"]) == good_is
    now, then = (auc(truth, np.nan_to_num(each.score(later).score, nan=card.scale[0])) for each in (fitted, proposed))
    return Suggestion(card, proposed, now, then, learned_from=len(labels), judged_on=len(truth))


def non_negative(inputs: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """Fit logistic weights of at least 0 by projected gradients with momentum (FISTA); the intercept is free."""
    rows, width = inputs.shape
    design = np.column_stack([np.ones(rows), inputs])
    step = 4 * rows / (np.linalg.norm(design, 2) ** 2 + 4 * rows * _RIDGE)
    weights = ahead = np.zeros(width + 1)
    pace = 1.0
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ ahead, -30, 30)))
        slope = design.T @ (chance - good) / rows + _RIDGE * ahead * np.r_[0.0, np.ones(width)]
        moved = ahead - step * slope
        moved[1:] = np.maximum(moved[1:], 0.0)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead = moved + (pace - 1) / faster * (moved - weights)
        weights, pace = moved, faster
    return weights[1:]


def _deviations(card: Card, rows: pa.Table) -> Floats:
    scores = card.score(rows)
    usual = np.array([line.usual for line in card])
    return np.where(scores.marks == UNKNOWN, 0.0, scores.marks - usual)

"""Suggest card weights from outcomes: a logistic regression with non-negative weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rapport.errors import CardError
from rapport.metrics import auc
from rapport.scoring.cards.bands import Floats
from rapport.scoring.cards.card import Card
from rapport.scoring.cards.card_scores import fit_bands, score_card
from rapport.scoring.cards.indicator import UNKNOWN
from rapport.scoring.cards.weights import with_weights

MIN_OUTCOMES = 20
"""The minimum number of outcomes of each kind."""
_RIDGE = 1e-3
_STEPS = 2000


@dataclass(frozen=True)
class WeightSuggestion:
    """Weights learned from history beside the present ones, and the AUC of both on later rows."""

    present: Card
    proposed: Card
    present_auc: float
    proposed_auc: float
    learned_from: int
    evaluated_on: int

    def as_dict(self) -> dict[str, Any]:
        """Return both sets of weights in points of 100, and both out-of-time AUCs."""
        pairs = {
            name: [100 * self.present.weights[name], 100 * self.proposed.weights[name]] for name in self.present.names
        }
        figures = {"present": self.present_auc, "proposed": self.proposed_auc}
        return {"card": self.present.name, "weights": pairs, "auc_out_of_time": figures} | {
            "learned_from": self.learned_from,
            "judged_on": self.evaluated_on,
        }

    def as_text(self) -> str:
        """Return the same as text."""
        lines = [f"{self.present.name}: weights in points of 100, present and suggested"]
        lines += [f"{name:<30}{old:>9.1f}{new:>9.1f}" for name, (old, new) in self.as_dict()["weights"].items()]
        lines.append(
            f"AUC on {self.evaluated_on} later rows: {self.present_auc:.3f} present, {self.proposed_auc:.3f} suggested"
            f" (learned from {self.learned_from} earlier rows). Nothing is changed."
        )
        return "\n".join(lines)


def fit_weights(card: Card, earlier: pa.Table, later: pa.Table, *, good_is: int) -> WeightSuggestion:
    """Fit weights on earlier rows with a `label`, and evaluate both cards on later rows.

    `good_is` is the label that a high score should go with: 0 for churn, 1 for conversion.
    """
    labels = np.asarray(earlier["label"])
    if min((labels == 0).sum(), (labels == 1).sum()) < MIN_OUTCOMES:
        raise CardError(
            f"{card.name}: {int(labels.sum())} outcomes in {len(labels)} rows are too few to suggest weights;"
            f" at least {MIN_OUTCOMES} of each kind are needed."
        )
    fitted = fit_bands(card, earlier)
    weights = fit_non_negative_logistic(_deviations(fitted, earlier), labels == good_is)
    if not weights.any():
        raise CardError(
            f"{card.name}: no indicator moves with the outcome in its expected direction, so there is no suggestion."
        )
    points = dict(zip(card.names, (100 * weights / weights.sum()).tolist(), strict=True))
    proposed = with_weights(fitted, points, "suggested")
    truth = np.asarray(later["label"]) == good_is
    now, then = (
        auc(truth, np.nan_to_num(score_card(each, later).score, nan=card.scale[0])) for each in (fitted, proposed)
    )
    return WeightSuggestion(card, proposed, now, then, learned_from=len(labels), evaluated_on=len(truth))


def fit_non_negative_logistic(inputs: Floats, good: npt.NDArray[np.bool_]) -> Floats:
    """Fit non-negative logistic weights by accelerated projected gradients (FISTA); the intercept is free."""
    rows, width = inputs.shape
    design = np.column_stack([np.ones(rows), inputs])
    step = 4 * rows / (np.linalg.norm(design, 2) ** 2 + 4 * rows * _RIDGE)
    weights = ahead = np.zeros(width + 1)
    momentum = 1.0
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-np.clip(design @ ahead, -30, 30)))
        gradient = design.T @ (probability - good) / rows + _RIDGE * ahead * np.r_[0.0, np.ones(width)]
        moved = ahead - step * gradient
        moved[1:] = np.maximum(moved[1:], 0.0)
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / next_momentum * (moved - weights)
        weights, momentum = moved, next_momentum
    return weights[1:]


def _deviations(card: Card, rows: pa.Table) -> Floats:
    scores = score_card(card, rows)
    usual = np.array([indicator.usual for indicator in card])
    return np.where(scores.band_codes == UNKNOWN, 0.0, scores.band_codes - usual)

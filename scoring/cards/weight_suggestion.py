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
from rapport.scoring.cards.weights import weights_in_points, with_weights

MIN_OUTCOMES = 20
"""The minimum number of outcomes of each kind."""
_RIDGE = 1e-3
_PRECISION = {"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9}


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
        return {
            "card": self.present.name,
            "weights": weights_in_points(self.present, self.proposed),
            "auc_out_of_time": {"present": self.present_auc, "proposed": self.proposed_auc},
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
    """Fit logistic weights that are not negative, with a small ridge; the intercept is free."""
    # Slow to import, and a service that answers requests has no use for it.
    from scipy.optimize import minimize  # noqa: PLC0415
    from scipy.special import expit  # noqa: PLC0415

    rows, width = inputs.shape
    design, ridge = np.column_stack([np.ones(rows), inputs]), np.r_[0.0, np.full(width, _RIDGE)]

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = design @ weights
        value = np.mean(np.logaddexp(0.0, logits) - good * logits) + ridge @ weights**2 / 2
        return float(value), design.T @ (expit(logits) - good) / rows + ridge * weights

    bounds = [(None, None)] + [(0.0, None)] * width
    fit = minimize(loss, np.zeros(width + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=_PRECISION)
    return np.asarray(fit.x[1:])


def _deviations(card: Card, rows: pa.Table) -> Floats:
    scores = score_card(card, rows)
    usual = np.array([indicator.usual for indicator in card])
    return np.where(scores.band_codes == UNKNOWN, 0.0, scores.band_codes - usual)

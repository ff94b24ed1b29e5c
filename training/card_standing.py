"""What the card was worth beside the model: on the newest later slice, which neither of them learnt from."""

from typing import Any

import numpy as np
from rapport.scoring.cards.audit import BAD_LABEL
from rapport.scoring.cards.quality import auc, average_precision
from rapport.training.assembly import Made


def card_standing(made: Made) -> dict[str, Any] | None:
    """Return the card's figures and the outcome's rate in each of its tiers; None without a card or a later slice."""
    expert = next((expert for expert in made.committee.experts if expert.is_card), None)
    if expert is None or not made.trial.judged:
        return None
    part = made.trial.judged[0]
    scores = expert.scores(part.rows.matrix)  # type: ignore[attr-defined]  # the one expert that is a card
    label = part.rows.label
    tier = np.array([each or "unknown" for each in scores.tier], dtype=object)
    said = made.assessment.said["blend"][: len(tier)]
    # A card's score is good when high: low is the risk of leaving, high the chance of buying.
    toward = -scores.score if BAD_LABEL[made.question.target] == 1 else scores.score
    toward = np.where(np.isnan(toward), np.nanmedian(toward) if (~np.isnan(toward)).any() else 0.0, toward)
    green = [each.name for each in scores.card.tiers if each.signal == "green"]
    return {
        "card": scores.card.reference,
        "auc": float(auc(label, toward)),
        "average_precision": float(average_precision(label, toward)),
        "base_rate": float(label.mean()),
        "green_share": float(np.isin(tier, green).mean()),
        "tiers": [
            {
                "tier": name,
                "count": int((tier == name).sum()),
                "rate": float(label[tier == name].mean()),
                "said": float(said[tier == name].mean()),
            }
            for name in [*(each.name for each in scores.card.tiers), "unknown"]
            if (tier == name).any()
        ],
    }

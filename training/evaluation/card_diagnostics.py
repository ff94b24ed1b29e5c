"""The scorecard beside the model, on the newest validation fold, which neither was fitted on."""

import numpy as np

from rapport.metrics import auc, average_precision
from rapport.scoring.cards.audit import BAD_LABEL
from rapport.training.evaluation.training_run import TrainingRun, validated_probability


def card_diagnostics(run: TrainingRun) -> dict[str, object] | None:
    """Return the card's metrics and the outcome rate of each tier; None without a card or a fold."""
    member = next((member for member in run.ensemble.members if member.is_card), None)
    if member is None or not run.validation.folds:
        return None
    fold = run.validation.folds[0]
    scores = member.scores(fold.dataset.matrix)  # type: ignore[attr-defined]  # only the card has scores
    label = fold.dataset.label
    tier = np.array([each or "unknown" for each in scores.tier], dtype=object)
    probability = validated_probability(run)[: len(tier)]
    # A high score is good: a low one means churn risk, a high one a likely conversion.
    ranking = -scores.score if BAD_LABEL[run.task.target] == 1 else scores.score
    ranking = np.where(np.isnan(ranking), np.nanmedian(ranking) if (~np.isnan(ranking)).any() else 0.0, ranking)
    green = [each.name for each in scores.card.tiers if each.signal == "green"]
    return {
        "card": scores.card.reference,
        "auc": float(auc(label, ranking)),
        "average_precision": float(average_precision(label, ranking)),
        "base_rate": float(label.mean()),
        "green_share": float(np.isin(tier, green).mean()),
        "tiers": [
            {
                "tier": name,
                "count": int((tier == name).sum()),
                "rate": float(label[tier == name].mean()),
                "predicted": float(probability[tier == name].mean()),
            }
            for name in [*(each.name for each in scores.card.tiers), "unknown"]
            if (tier == name).any()
        ],
    }

"""The answer of the scoring engine in the shape in which the server sends it."""

from __future__ import annotations

from rapport.scoring.reasons.answer import Answer as ScoredAnswer
from rapport.serving.shapes.answers import Answer


def answer_shape(scored: ScoredAnswer) -> Answer:
    """Return a scored answer as the server sends it, without the figures of the portfolio."""
    return {
        "customer_id": scored.customer_id,
        "as_of": scored.as_of,
        "target": scored.target,
        "state": scored.state,
        "probability": scored.probability,
        "percentile": scored.percentile,
        "interval": list(scored.interval) if scored.interval else None,
        "model_probability": scored.model_probability,
        "rule_probability": scored.rule_probability,
        "rule_score": scored.rule_score,
        "tier": scored.tier,
        "value_at_risk": scored.value_at_risk,
        "base_rate": scored.base_rate,
        "reasons": [reason.as_dict() for reason in scored.reasons],
        "other_evidence": scored.other_evidence,
        "other_points": scored.other_points,
        "model": scored.model.as_dict(),
        "out_of_range": list(scored.out_of_range),
        "certainty": scored.certainty,
        "certainty_note": scored.certainty_note,
    }

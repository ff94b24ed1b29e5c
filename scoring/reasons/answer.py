"""One answer: a probability, its reasons, and the model that produced it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fact = float | int | str | None


@dataclass(frozen=True)
class Reason:
    """Evidence as a sentence. ``points`` is its share of the distance between the probability and the base rate."""

    code: str
    family: str
    text: str
    evidence: float
    points: float
    facts: Mapping[str, Fact]
    peers: Fact
    actionable: bool
    advice: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the reason as API JSON."""
        return {
            "code": self.code,
            "family": self.family,
            "text": self.text,
            "evidence": self.evidence,
            "points": self.points,
            "facts": dict(self.facts),
            "peers": self.peers,
            "actionable": self.actionable,
            "advice": self.advice,
        }


@dataclass(frozen=True)
class Source:
    """The model of an answer. ``basis`` is "committee" (the full ensemble), or the fallback for a small history."""

    name: str
    version: str
    card: str | None
    grade: str
    basis: str
    basis_note: str

    def as_dict(self) -> dict[str, Any]:
        """Return the source as API JSON."""
        named = {"name": self.name, "version": self.version, "card": self.card}
        return named | {"grade": self.grade, "basis": self.basis, "basis_note": self.basis_note}


@dataclass(frozen=True)
class Answer:
    """The answer for one customer; the numbers are absent where its state gets no probability.

    ``out_of_range`` names the features whose values are outside the training range.
    """

    customer_id: str
    as_of: str
    target: str
    state: str
    probability: float | None
    percentile: int | None
    interval: tuple[float, float] | None
    model_probability: float | None
    rule_probability: float | None
    rule_score: float | None
    tier: str | None
    value_at_risk: float | None
    base_rate: float | None
    reasons: tuple[Reason, ...]
    other_evidence: float | None
    other_points: float | None
    model: Source
    out_of_range: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as API JSON."""
        return {
            "customer_id": self.customer_id,
            "as_of": self.as_of,
            "target": self.target,
            "state": self.state,
            "probability": self.probability,
            "percentile": self.percentile,
            "interval": list(self.interval) if self.interval else None,
            "model_probability": self.model_probability,
            "rule_probability": self.rule_probability,
            "rule_score": self.rule_score,
            "tier": self.tier,
            "value_at_risk": self.value_at_risk,
            "base_rate": self.base_rate,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "other_evidence": self.other_evidence,
            "other_points": self.other_points,
            "model": self.model.as_dict(),
            "out_of_range": list(self.out_of_range),
        }

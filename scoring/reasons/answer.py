"""One answer: a probability, its reasons, and the model that produced it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rapport.scoring.reasons.answer_fields import AnswerFields, Certainty, Fact, ReasonFields, SourceFields


class FamilyEvidence(NamedTuple):
    """The evidence of one family, by its position, with the column of its leading feature (-1 for none)."""

    family: int
    lead: int
    evidence: float
    points: float


class Reason(NamedTuple):
    """Evidence as a sentence about one fact of the customer.

    Parameters
    ----------
    points : its share of the distance between the probability and the base rate.
    peers : what is typical of comparable customers.
    unit, window : of the feature whose value and peers are shown, such as "count" and "90d".
    contrary : whether it speaks against the whole: it lowers a probability that is above the base rate, or the reverse.
    topic : the fact that the sentence states; no two reasons of an answer have the same one.
    families : all families whose evidence it carries, where several rest on the same fact.
    """

    code: str
    family: str
    text: str
    evidence: float
    points: float
    facts: Mapping[str, Fact]
    peers: Fact
    actionable: bool
    advice: str | None
    unit: str | None = None
    window: str | None = None
    contrary: bool = False
    topic: str = ""
    families: tuple[str, ...] = ()

    @property
    def sign(self) -> str:
        """Return "up" where it raises the probability, otherwise "down"."""
        return "up" if self.evidence > 0 else "down"

    def as_dict(self) -> ReasonFields:
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
            "sign": self.sign,
            "unit": self.unit,
            "window": self.window,
            "contrary": self.contrary,
            "topic": self.topic,
            "families": list(self.families or (self.family,)),
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

    def as_dict(self) -> SourceFields:
        """Return the source as API JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "card": self.card,
            "grade": self.grade,
            "basis": self.basis,
            "basis_note": self.basis_note,
        }


class Answer(NamedTuple):
    """The answer for one customer; the numbers are absent where its state gets no probability.

    ``interval`` holds the rate of similar customers; ``certainty`` (high, medium, low) is how much this one's history
    tells. ``out_of_range`` names the features whose values are outside the training range.
    """

    customer_id: str
    as_of: str
    target: str
    state: str
    probability: float | None
    percentile: int | None
    interval: tuple[float, float] | None
    certainty: Certainty | None
    certainty_note: str | None
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

    def as_dict(self) -> AnswerFields:
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
            "certainty": self.certainty,
            "certainty_note": self.certainty_note,
        }

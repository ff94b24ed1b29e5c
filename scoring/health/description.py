"""The health of one customer in words: grade with strategy, parts that add up, sub-scores, and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired

from typing_extensions import TypedDict

from rapport.languages import grammar
from rapport.localized import localize
from rapport.scoring.cards.card_set import FrozenCard
from rapport.scoring.health.health_score import LAPSED_CAP, THRESHOLD_CAP
from rapport.scoring.health.outlook import GradeOutlook
from rapport.scoring.health.rules import HealthRules
from rapport.scoring.messages import MESSAGES


class HealthPart(TypedDict):
    """A cap and the points that it takes off."""

    name: str
    points: float


class HealthDimension(HealthPart):
    """A dimension of the health card: its own score, and its points in the health score."""

    score: float | None


class HealthRow(TypedDict):
    """What a description reads of a portfolio row; without a grade, the other values are null."""

    health_grade: str | None
    health_dimensions: list[HealthDimension]
    health_model_part: float | None
    health_caps: list[HealthPart]
    health_score: float | None
    health_weight: float | None
    probability: float | None
    health_before_30d: NotRequired[float | None]
    grade_30d: NotRequired[str | None]


COLUMNS = tuple(HealthRow.__annotations__)


@dataclass(frozen=True)
class HealthDescription:
    """Describes health by one company's rules in one language.

    Parameters
    ----------
    grades : each grade's label and strategy, by name.
    dimensions, caps : the labels of the parts, by name.
    """

    grades: Mapping[str, tuple[str, str]]
    model: str
    dimensions: Mapping[str, str]
    caps: Mapping[str, str]
    notes: Sequence[str]
    outlook: GradeOutlook | None
    lost: str

    @classmethod
    def of(
        cls, rules: HealthRules, frozen: FrozenCard, *, threshold: float, outlook: GradeOutlook | None, language: str
    ) -> HealthDescription:
        """Write the labels that the descriptions of all customers share."""
        say = MESSAGES.translator(language)
        caps = {cap.name: localize(cap.label, language) for cap in rules.caps}
        caps |= {
            THRESHOLD_CAP: say("health.threshold", share=f"{100 * threshold:.3g}"),
            LAPSED_CAP: say("health.lapsed"),
        }
        own = [localize(line.label, language) for line in frozen.card if line.name in frozen.own_fifths]
        indicators = grammar(language).comma.join(own)
        return cls(
            grades={
                each.name: (localize(each.label, language), localize(each.strategy, language)) for each in rules.grades
            },
            model=say("health.model"),
            dimensions={each.name: localize(each.label, language) for each in frozen.card.dimensions},
            caps=caps,
            notes=(say("health.fifths", indicators=indicators),) if own else (),
            outlook=outlook,
            lost=rules.names[rules.lost],
        )

    def of_row(self, row: HealthRow) -> dict[str, object] | None:
        """Return the health of a portfolio row; None for a customer without a grade. ``parts`` add up to ``score``."""
        grade, dimensions = row["health_grade"], row["health_dimensions"]
        if grade is None or grade not in self.grades:
            return None
        label, strategy = self.grades[grade]
        parts: list[dict[str, object]] = [{"name": "model", "label": self.model, "points": row["health_model_part"]}]
        for found, labels in ((dimensions, self.dimensions), (row["health_caps"], self.caps)):
            for each in found:
                name = each["name"]
                parts.append({"name": name, "label": labels.get(name, name), "points": each["points"]})
        probability = row["probability"]
        return {
            "score": row["health_score"],
            "grade": grade,
            "label": label,
            "strategy": strategy,
            "weight": row["health_weight"],
            "parts": parts,
            "dimensions": {each["name"]: each["score"] for each in dimensions},
            "dimension_labels": dict(self.dimensions),
            "before_30d": row.get("health_before_30d"),
            "grade_30d": row.get("grade_30d"),
            "outlook": self.outlook.of_customer(grade, self.lost, probability)
            if self.outlook is not None and probability is not None
            else None,
            "notes": list(self.notes),
        }

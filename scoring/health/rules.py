"""The rules of the health grade: card, weight, grades with their strategies, and caps for grave facts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rapport.localized import LocalizedText
from rapport.scoring.cards.bands import check_falling, read_condition
from rapport.scoring.cards.config_node import ConfigNode
from rapport.scoring.cards.indicator import Threshold
from rapport.scoring.cards.strict_yaml import parse_yaml

CAP_STEP = 1.0
"""A cap puts the score this far below the floor of the next better grade."""


@dataclass(frozen=True)
class Grade:
    """A named range of the health score; the last two grades have no floor."""

    name: str
    label: LocalizedText
    strategy: LocalizedText
    floor: float | None = None


@dataclass(frozen=True)
class Cap:
    """A grave fact: all ``conditions`` (feature and threshold) hold, so the grade is at best ``grade``."""

    name: str
    label: LocalizedText
    grade: str
    conditions: tuple[tuple[str, Threshold], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the cap in the format of the file."""
        when = [{"feature": name, threshold.bound: threshold.value} for name, threshold in self.conditions]
        return {"name": self.name, "label": self.label.to_dict(), "grade": self.grade, "when": when}


@dataclass(frozen=True)
class HealthRules:
    """The company's rules; ``grades`` best first, the last one for lapsed customers."""

    card: str
    weight: float
    grades: tuple[Grade, ...]
    caps: tuple[Cap, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the grade names, best first."""
        return tuple(grade.name for grade in self.grades)

    @property
    def at_risk(self) -> int:
        """Return the position of the worst grade of a customer who is not lost."""
        return len(self.grades) - 2

    @property
    def lost(self) -> int:
        """Return the position of the grade of lapsed customers."""
        return len(self.grades) - 1

    @property
    def floors(self) -> tuple[float, ...]:
        """Return the floors of the grades that have one, best first."""
        return tuple(grade.floor for grade in self.grades if grade.floor is not None)

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features that the caps read."""
        return tuple(dict.fromkeys(name for cap in self.caps for name, _ in cap.conditions))

    def limit(self, grade: int) -> float:
        """Return the highest score of a customer who is graded ``grade`` at best."""
        return 100.0 if grade == 0 else max(0.0, self.floors[min(grade, len(self.floors)) - 1] - CAP_STEP)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules in the format of the file; reading that returns equal rules."""
        grades = [
            {"name": each.name, "label": each.label.to_dict(), "strategy": each.strategy.to_dict()}
            | ({} if each.floor is None else {"at_least": each.floor})
            for each in self.grades
        ]
        return {
            "card": self.card,
            "weight": self.weight,
            "grades": grades,
            "caps": [cap.to_dict() for cap in self.caps],
        }


def parse_health_rules(text: str, where: str, known: Collection[str] | None = None) -> HealthRules:
    """Read the rules from YAML text; ``known`` are the features that exist."""
    return read_health_rules(parse_yaml(text, where), where, known)


def read_health_rules(written: object, where: str, known: Collection[str] | None = None) -> HealthRules:
    """Read the rules from a mapping, as in a YAML file or a scoring run."""
    node = ConfigNode(where, written)
    node.keys(("card", "weight", "grades"), ("caps",))
    weight = node.at("weight").number()
    if not 0 <= weight <= 1:
        raise node.at("weight").error(f"{weight:g} is not a share from 0 to 1.")
    grades = _grades(node.at("grades"))
    names = tuple(grade.name for grade in grades)
    caps = node.at("caps").lines("cap") if node.has("caps") and node.value["caps"] else []
    return HealthRules(node.at("card").text(), weight, grades, tuple(_cap(line, names, known) for line in caps))


def _grades(node: ConfigNode) -> tuple[Grade, ...]:
    lines = node.lines("grade")
    if len(lines) < 3:
        raise node.error("give at least three grades: a good one, one at risk, and one for lapsed customers.")
    grades = tuple(_grade(line, has_floor=place < len(lines) - 2) for place, line in enumerate(lines))
    node.unique((grade.name for grade in grades), "grade")
    floors = [grade.floor for grade in grades if grade.floor is not None]
    check_falling(floors, lines, "grade")
    if floors[0] > 100 or floors[-1] <= 0:
        raise node.error("at_least lies above 0 and is 100 at most, or a grade could never be reached.")
    return grades


def _grade(node: ConfigNode, *, has_floor: bool) -> Grade:
    node.keys(("name", "label", "strategy", *(("at_least",) if has_floor else ())))
    floor = node.at("at_least").number() if has_floor else None
    return Grade(node.at("name").name(), node.at("label").localized(), node.at("strategy").localized(), floor)


def _cap(node: ConfigNode, grades: tuple[str, ...], known: Collection[str] | None) -> Cap:
    node.keys(("name", "label", "grade", "when"))
    conditions = tuple(_condition(line, known) for line in node.at("when").lines("condition"))
    grade = node.at("grade").one_of(grades[1:-1])
    return Cap(node.at("name").name(), node.at("label").localized(), grade, conditions)


def _condition(node: ConfigNode, known: Collection[str] | None) -> tuple[str, Threshold]:
    feature, threshold = read_condition(node, known)
    assert isinstance(threshold, Threshold), "only bounds are read here"
    return feature, threshold

"""The rules of the health grade: card, weight, grades with their strategies, and caps for grave facts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rapport.scoring.cards import config_models as config
from rapport.scoring.cards.config_errors import ConfigError, unknown_choice
from rapport.scoring.cards.indicator import Condition

CAP_STEP = 1.0
"""A cap puts the score this far below the floor of the next better grade."""


@dataclass(frozen=True)
class Grade(config.ConfigModel):
    """A named range of the health score; the last two grades have no floor."""

    name: config.Name
    label: config.Localized
    strategy: config.Localized
    floor: Annotated[config.Number | None, Field(alias="at_least")] = None


@dataclass(frozen=True)
class Cap(config.ConfigModel):
    """A grave fact: all ``conditions`` hold, so the grade is at best ``grade``."""

    name: config.Name
    label: config.Localized
    grade: config.Text
    conditions: Annotated[tuple[Condition, ...], config.NotEmpty, Field(alias="when")]


def _check_grades(grades: tuple[Grade, ...]) -> tuple[Grade, ...]:
    if len(grades) < 3:
        raise ConfigError("three_grades")
    floors = [grade.floor for grade in grades[:-2] if grade.floor is not None]
    for at, grade in enumerate(grades):
        if (grade.floor is None) != (at >= len(grades) - 2):
            raise ConfigError("grade_floor", at=(at,))
    config.check_unique(grades, "grade")
    config.check_falling(floors, "grade")
    if floors[0] > 100 or floors[-1] <= 0:
        raise ConfigError("unreachable_grade")
    return grades


@dataclass(frozen=True)
class HealthRules(config.ConfigModel):
    """The company's rules; ``grades`` best first, the last one for lapsed customers."""

    card: config.Text
    weight: Annotated[config.Number, config.in_range(0, 1, "not_a_weight")]
    grades: Annotated[tuple[Grade, ...], config.NotEmpty, AfterValidator(_check_grades)]
    caps: tuple[Cap, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        for at, cap in enumerate(self.caps):
            if cap.grade not in self.names[1:-1]:
                raise unknown_choice(cap.grade, self.names[1:-1], at=("caps", at, "grade"))
        return self

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
        return tuple(dict.fromkeys(condition.feature for cap in self.caps for condition in cap.conditions))

    def limit(self, grade: int) -> float:
        """Return the highest score of a customer who is graded ``grade`` at best."""
        return 100.0 if grade == 0 else max(0.0, self.floors[min(grade, len(self.floors)) - 1] - CAP_STEP)


def read_health_rules(written: object, where: str, known: Collection[str] | None = None) -> HealthRules:
    """Read the rules from a mapping, as in a YAML file or a scoring run."""
    return config.parse_config(HealthRules, written, where, known)

"""The health score of every customer: the model's part and the card's part, then caps; all parts add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rapport.scoring.cards.bands import meets_threshold
from rapport.scoring.cards.card_scores import CardScores
from rapport.scoring.cards.indicator import BEST, UNKNOWN, WORST, Condition
from rapport.scoring.health.rules import HealthRules

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
Texts = npt.NDArray[np.object_]

THRESHOLD_CAP, LAPSED_CAP = "at_risk_threshold", "lapsed"
NO_GRADE = -1


@dataclass(frozen=True)
class HealthInputs:
    """What the health of some customers is computed from, row by row.

    Parameters
    ----------
    probability : the served churn probability, nan where there is none; it decides the threshold cap.
    model_probability : that of the ensemble without the card, nan where there is none; it is the model's part.
    facts : the features that the caps read.
    graded, lapsed : who gets a grade at all, and who is lost.
    """

    probability: Floats
    model_probability: Floats
    card: CardScores
    facts: Mapping[str, npt.NDArray[Any]]
    graded: Flags
    lapsed: Flags


@dataclass(frozen=True)
class HealthScores:
    """The health of some customers, row by row; nan where there is no grade.

    ``model_part + dimension_points.sum(axis=1) + cap_points (without nan).sum(axis=1)`` is the score. ``sub_scores``
    are the dimensions' means on 0 to 100, nan where nothing is known.
    """

    rules: HealthRules
    score: Floats
    grade: Codes
    weight: Floats
    model_part: Floats
    dimensions: tuple[str, ...]
    dimension_points: Floats
    sub_scores: Floats
    caps: tuple[str, ...]
    cap_points: Floats

    @property
    def card_part(self) -> Floats:
        """Return the points of the card."""
        return np.asarray(self.dimension_points.sum(axis=1))

    @property
    def grade_names(self) -> Texts:
        """Return the grade of each row, None where there is none."""
        return np.array([*self.rules.names, None], dtype=object)[self.grade]


def score_health(inputs: HealthInputs, rules: HealthRules, weight: float, threshold: float) -> HealthScores:
    """Return the health of some customers.

    ``weight`` is the share of the model. Where only one of the two parts is known, it counts alone.
    """
    sub_scores, shares = _dimensions(inputs.card)
    has_model, has_card = ~np.isnan(inputs.model_probability), inputs.card.known > 0
    weights = np.where(has_model, np.where(has_card, weight, 1.0), 0.0)
    model_part = np.where(has_model, weights * 100.0 * (1.0 - np.nan_to_num(inputs.model_probability)), 0.0)
    points = (1.0 - weights)[:, None] * shares * np.nan_to_num(sub_scores)
    known = inputs.graded & (has_model | has_card | inputs.lapsed)
    caps, cap_points = _caps(inputs, rules, model_part + points.sum(axis=1), threshold)
    score = model_part + points.sum(axis=1) + np.nansum(cap_points, axis=1)
    grade = _grades(score, rules)
    grade[inputs.lapsed] = rules.lost
    grade[~known] = NO_GRADE
    unknown = np.where(known, 0.0, np.nan)
    return HealthScores(
        rules=rules,
        score=score + unknown,
        grade=grade,
        weight=weights + unknown,
        model_part=model_part + unknown,
        dimensions=tuple(dimension.name for dimension in inputs.card.card.dimensions),
        dimension_points=points + unknown[:, None],
        sub_scores=sub_scores,
        caps=caps,
        cap_points=cap_points + unknown[:, None],
    )


def _dimensions(scores: CardScores) -> tuple[Floats, Floats]:
    """Return each dimension's mean on 0 to 100, and its share of the known weight, rows × dimensions."""
    card, position = scores.card, 0
    sub_scores = np.full((len(scores.score), len(card.dimensions)), np.nan)
    shares = np.zeros(sub_scores.shape)
    for column, dimension in enumerate(card.dimensions):
        total, weight = np.zeros(len(scores.score)), np.zeros(len(scores.score))
        for indicator in dimension.indicators:
            bands, share = scores.band_codes[:, position].astype(np.float64), card.weights[indicator.name]
            total += np.where(bands == UNKNOWN, 0.0, share * (bands - WORST) / (BEST - WORST))
            weight += np.where(bands == UNKNOWN, 0.0, share)
            position += 1
        known = weight > 0
        sub_scores[known, column] = 100.0 * total[known] / weight[known]
        shares[known, column] = weight[known] / scores.known[known]
    return sub_scores, shares


def _caps(inputs: HealthInputs, rules: HealthRules, raw: Floats, threshold: float) -> tuple[tuple[str, ...], Floats]:
    """Return the caps and what each takes away, rows × caps; nan where a cap does not apply."""
    at_risk = rules.limit(rules.at_risk)
    found: list[tuple[str, float, Flags]] = [(THRESHOLD_CAP, at_risk, inputs.probability >= threshold)]
    found += [
        (cap.name, rules.limit(rules.names.index(cap.grade)), _applies(cap.conditions, inputs.facts, len(raw)))
        for cap in rules.caps
    ]
    found.append((LAPSED_CAP, 0.0, inputs.lapsed))
    points, running = np.full((len(raw), len(found)), np.nan), raw.copy()
    for column, (_, limit, applies) in enumerate(found):
        points[applies, column] = np.minimum(limit - running[applies], 0.0)
        running[applies] = np.minimum(running[applies], limit)
    return tuple(name for name, _, _ in found), points


def _applies(conditions: Sequence[Condition], facts: Mapping[str, npt.NDArray[Any]], count: int) -> Flags:
    flags = np.ones(count, dtype=bool)
    for condition in conditions:
        known = condition.feature in facts
        flags &= meets_threshold(facts[condition.feature], condition.threshold) if known else np.zeros(count, bool)
    return flags


def _grades(score: Floats, rules: HealthRules) -> Codes:
    grade = np.full(len(score), rules.at_risk, dtype=np.int8)
    rounded = np.round(score, 9)
    for position in range(len(rules.floors) - 1, -1, -1):
        grade[rounded >= rules.floors[position]] = position
    return grade

"""The health of one customer in words: grade with strategy, parts that add up, sub-scores, and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rapport.localized import LocalizedText, localize
from rapport.scoring.cards.card import Card
from rapport.scoring.health.health_score import LAPSED_CAP, THRESHOLD_CAP
from rapport.scoring.health.outlook import GradeOutlook
from rapport.scoring.health.rules import HealthRules

_MODEL = LocalizedText("Model: chance to stay", "模型：留存概率")
_LAPSED = LocalizedText("No longer an active customer", "已非活跃客户")
_FIFTHS = LocalizedText(
    "The card's own thresholds would not tell the customers apart; bands of {indicators} are fifths of the company's "
    "customers.",
    "评分卡原有阈值无法区分客户，{indicators}的档位改为按本公司客户五等分划定。",
)


def describe_health(
    row: Mapping[str, Any],
    rules: HealthRules,
    card: Card,
    *,
    threshold: float,
    outlook: GradeOutlook | None,
    language: str,
) -> dict[str, Any] | None:
    """Return the health of a portfolio row; None for a customer without a grade.

    ``parts`` add up to ``score``.
    """
    grade = rules.grade_of(row.get("health_grade"))
    if grade is None:
        return None
    labels = {dimension.name: dimension.label for dimension in card.dimensions}
    caps = {cap.name: cap.label for cap in rules.caps} | _built_in_caps(threshold)
    parts = [{"name": "model", "label": localize(_MODEL, language), "points": row["health_model_part"]}]
    parts += [_part(each, labels, language) for each in row["health_dimensions"]]
    parts += [_part(each, caps, language) for each in row["health_caps"]]
    return {
        "score": row["health_score"],
        "grade": grade.name,
        "label": localize(grade.label, language),
        "strategy": localize(grade.strategy, language),
        "weight": row["health_weight"],
        "parts": parts,
        "dimensions": {each["name"]: each["score"] for each in row["health_dimensions"]},
        "dimension_labels": {name: localize(label, language) for name, label in labels.items()},
        "before_30d": row.get("health_before_30d"),
        "grade_30d": row.get("grade_30d"),
        "outlook": _outlook(row, rules, outlook),
    }


def _outlook(row: Mapping[str, Any], rules: HealthRules, outlook: GradeOutlook | None) -> dict[str, float] | None:
    if outlook is None or row["probability"] is None:
        return None
    return outlook.of_customer(row["health_grade"], rules.names[rules.lost], row["probability"])


def own_fifths_note(card: Card, own_fifths: tuple[str, ...], language: str) -> str | None:
    """Return the sentence that names the indicators with bands from the company's own fifths; None without any."""
    labels = [localize(indicator.label, language) for indicator in card if indicator.name in own_fifths]
    separator = "、" if language == "zh" else ", "
    return localize(_FIFTHS, language).format(indicators=separator.join(labels)) if labels else None


def _built_in_caps(threshold: float) -> dict[str, LocalizedText]:
    share = f"{100 * threshold:.3g}"
    at_least = LocalizedText(f"Churn risk of {share}% or more", f"流失风险达到{share}%")
    return {THRESHOLD_CAP: at_least, LAPSED_CAP: _LAPSED}


def _part(part: Mapping[str, Any], labels: Mapping[str, LocalizedText], language: str) -> dict[str, Any]:
    label = labels.get(part["name"])
    return {
        "name": part["name"],
        "label": localize(label, language) if label else part["name"],
        "points": part["points"],
    }

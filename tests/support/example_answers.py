"""The parts of the example application's answers: reasons, health, scores, events, actions."""

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from example_portfolio import AS_OF

EXAMPLE = yaml.safe_load(Path(__file__).with_name("example_answers.yaml").read_text(encoding="utf-8"))

_LAST_STEP = 15


def in_language(value: Any, language: str) -> Any:
    """Choose one language in all nested texts."""
    if isinstance(value, dict):
        if set(value) == {"en", "zh"}:
            return value[language]
        return {name: in_language(one, language) for name, one in value.items()}
    return [in_language(one, language) for one in value] if isinstance(value, list) else value


def reasons_of(gap: float, language: str) -> list[dict[str, Any]]:
    return [
        {**reason, "points": gap * reason["share"], "evidence": gap * reason["share"] * 4}
        for reason in in_language(EXAMPLE["reasons"], language)
    ]


def health_of(fact: dict[str, Any], language: str) -> dict[str, Any]:
    words = in_language(EXAMPLE["health"], language)
    model = fact["health_score"] * 0.7
    parts = [("model", model), ("value", fact["health_score"] - model)]
    return {
        "score": fact["health_score"],
        "grade": fact["health_grade"],
        "label": fact["health_grade"].replace("_", " ").capitalize(),
        "strategy": words["strategy"],
        "weight": 0.7,
        "parts": [{"name": name, "label": words["parts"][name], "points": points} for name, points in parts],
        "dimensions": {"value": 62.0, "relation": 48.0, "potential": None, "risk": 71.0},
        "dimension_labels": words["dimensions"],
        "before_30d": fact["health_before_30d"],
        "outlook": {"prime": 0.2, "ordinary": 0.3, "at_risk": 0.2, "lost": 0.3},
        "notes": [],
    }


def scores_of(fact: dict[str, Any], target: str) -> list[dict[str, Any]]:
    last, first = fact["probability"], 0.16
    line = [first + (last - first) * (n / _LAST_STEP) ** 2 + 0.015 * math.sin(n) for n in range(_LAST_STEP)] + [last]
    same = {"target": target, "tier": fact["tier"], "version": "7"}
    return [{**same, "as_of": _ago(30 * (_LAST_STEP - n)), "probability": p} for n, p in enumerate(line)]


def events_of(language: str) -> list[dict[str, Any]]:
    return [{**event, "at": _ago(event["days_ago"])} for event in in_language(EXAMPLE["events"], language)]


def actions_of(reasons: list[dict[str, Any]], owner: str) -> list[dict[str, Any]]:
    advised = [reason for reason in reasons if reason["advice"] and reason["points"] > 0]
    same = {"who": owner}
    return [
        {**same, "text": reason["advice"], "due": (AS_OF + timedelta(5 * n + 4)).isoformat(), "code": reason["code"]}
        for n, reason in enumerate(advised)
    ]


def _ago(days: int) -> str:
    then: date = AS_OF - timedelta(days)
    return then.isoformat()

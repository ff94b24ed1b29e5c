"""Errors of a model by segment, and by the groups of an attribute of customers, from its recorded evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Any

from rapport.scoring.models.bundle import Bundle

ATTRIBUTE = "attribute_"
BEYOND_CHANCE = 2.0
"""A gap of this many standard errors is named; of 20 groups without any bias, one reaches it by chance."""


def segment_errors(evaluation: Mapping[str, Any], bundle: Bundle) -> list[dict[str, object]]:
    """Return the errors by cutoff and by segment, those of ``attribute_groups`` left out."""
    cutoffs = [
        {"by": "cutoff", "value": one["cutoff"], "count": one["rows"], "predicted": one["expected"],
         "rate": one["rate"], "auc": one["auc"]}
        for one in evaluation.get("slices") or ()
    ]  # fmt: skip
    segments = [one for one in evaluation.get("segments") or () if not one["by"].startswith(ATTRIBUTE)]
    return _with_gaps([*cutoffs, *segments], bundle)


def _with_gaps(segments: Iterable[Mapping[str, object]], bundle: Bundle) -> list[dict[str, Any]]:
    """Return segments with their calibration gap: mean probability minus outcome rate."""
    names = bundle.by_name
    return [
        {**one, "meaning": _meanings(names[one["by"]]) if one["by"] in names else None, **_gap(one)} for one in segments
    ]


def attribute_groups(evaluation: Mapping[str, Any], bundle: Bundle, named: Iterable[str]) -> list[dict[str, object]]:
    """Return, for each attribute that the model reads or the settings name, its groups and how far they differ."""
    read = [name.removeprefix(ATTRIBUTE) for name in bundle.by_name if name.startswith(ATTRIBUTE)]
    segments = _with_gaps(evaluation.get("segments") or (), bundle)
    return [
        _attribute(name, name in read, [one for one in segments if one["by"] == f"{ATTRIBUTE}{name}"])
        for name in sorted({*read, *named})
    ]


def _attribute(name: str, is_read: bool, groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "attribute": name,
        "is_feature": is_read,
        "groups": [dict(group) for group in groups],
        "largest_gap": max((abs(group["gap"]) for group in groups if group["gap"] is not None), default=None),
        "rate_difference": _spread(groups, "rate"),
        "probability_difference": _spread(groups, "predicted"),
        "auc_difference": _spread(groups, "auc"),
    }


def _spread(groups: Sequence[Mapping[str, Any]], figure: str) -> float | None:
    """Return the largest minus the smallest figure of the groups; None for fewer than two."""
    known = [float(group[figure]) for group in groups if group.get(figure) is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _gap(segment: Mapping[str, Any]) -> dict[str, object]:
    predicted, rate, count = segment.get("predicted"), segment.get("rate"), segment["count"]
    if predicted is None or rate is None:
        return {"gap": None, "beyond_chance": None}
    # The error of a rate as predicted; at 0 or 1 it would be 0, so one outcome is the least that counts.
    error = sqrt(max(predicted * (1 - predicted), 1 / count) / count)
    return {"gap": predicted - rate, "beyond_chance": abs(predicted - rate) > BEYOND_CHANCE * error}


def _meanings(column: Any) -> dict[str, str]:
    return {language: column.meaning(language).rstrip(".。") for language in ("en", "zh")}

"""The model as people judge it: grade, comparison, drift, versions; all from the bundle and the shelf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.scoring import shelf
from rapport.serving.current import Current, Night
from rapport.serving.drift import drift

_SECTIONS = ("compared", "calibration", "gain", "profit", "importance")
_VIEWS = ("cohorts", "funnel", "attribution", "risk")


def model_page(home: Path, current: Current, language: str, mlflow_url: str | None) -> dict[str, Any]:
    """Return what the page of a model shows; a section that training did not write is None."""
    bundle = current.bundle
    evaluation = dict(bundle.evaluation)
    return {
        "target": current.target,
        "name": bundle.target,
        "version": bundle.version,
        "made_at": bundle.record.get("made_at"),
        "as_of": bundle.record.get("as_of"),
        "grade": _spoken(evaluation.get("grade") or {"letter": bundle.grade, "sentence": ""}, language),
        **{section: evaluation.get(section) for section in _SECTIONS},
        "gates": [_spoken(gate, language) for gate in evaluation.get("gates") or ()] or None,
        "matured": shelf.matured(home, current.target, bundle.version) or None,
        "slices": _slices(current, language),
        "weights": [{"expert": name, "weight": weight} for name, weight in bundle.blend.weights.items()],
        "drift": _drift(current, language),
        "versions": _versions(home, current.target),
        "mlflow": mlflow_url,
    }


def views(nights: Sequence[Night]) -> dict[str, Any]:
    """Return the pictures that the nights made of all customers; the funnel is the leads' own."""
    found = {name: nights[0].run.kept(f"view_{name}") for name in _VIEWS}
    found["funnel"] = nights[-1].run.kept("view_funnel")
    return {name: [_plain(row) for row in table.to_pylist()] for name, table in found.items() if table is not None}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.date().isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _spoken(told: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return what training said with its sentence in the language; a bundle of an older program has English alone."""
    chosen = told.get("sentence_zh") if language == "zh" else None
    return {
        **{name: value for name, value in told.items() if name != "sentence_zh"},
        "sentence": chosen or told["sentence"],
    }


def _slices(current: Current, language: str) -> list[dict[str, Any]] | None:
    """Return how the model did by part of the book, then by cutoff, latest first."""
    evaluation, names = current.bundle.evaluation, current.bundle.by_name
    parts = [
        {**part, "label": names[part["by"]].meaning(language) if part["by"] in names else None}
        for part in evaluation.get("segments") or ()
    ]
    cutoffs = [
        {"by": "cutoff", "label": None, "value": one["cutoff"], "count": one["rows"], "predicted": one["expected"],
         "rate": one["rate"], "auc": one["auc"]}
        for one in evaluation.get("slices") or ()
    ]  # fmt: skip
    return [*parts, *cutoffs] or None


def _drift(current: Current, language: str) -> list[dict[str, Any]] | None:
    if current.last_night is None:
        return None
    scored = current.last_night.scored
    found = drift(current.bundle, scored.rows.take(scored.eligible))[:30]
    names = current.bundle.by_name
    return [
        {
            "feature": one.feature,
            "label": names[one.feature].meaning(language),
            "psi": one.psi,
            "missing_then": one.missing_then,
            "missing_now": one.missing_now,
        }
        for one in found
    ]


def _versions(home: Path, target: str) -> list[dict[str, Any]]:
    reigns = {reign.version: reign for reign in shelf.history(home, target)}
    champion = shelf.champion_version(home, target)
    lines = []
    for version in reversed(shelf.versions(home, target)):
        said = shelf.description(home, target, version)
        reign = reigns.get(version)
        record = said.get("record")
        lines.append(
            {
                "version": version,
                "made_at": record.get("made_at") if isinstance(record, dict) else None,
                "alias": "champion" if version == champion else "",
                "grade": said.get("grade"),
                "auc": _auc(said.get("evaluation")),
                "promoted_by": reign.by if reign else None,
                "promoted_at": reign.since if reign else None,
            }
        )
    return lines


def _auc(evaluation: object) -> float | None:
    compared = evaluation.get("compared") if isinstance(evaluation, dict) else None
    lines = compared if isinstance(compared, list) else []
    return next((line.get("auc") for line in lines if line.get("name") == "blend"), None)

"""Queries on models: grade, comparison, drift and versions, from the bundle and the model store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport.languages import CODES
from rapport.localized import recorded, recorded_key
from rapport.scoring.models import model_store
from rapport.scoring.models.drift import feature_drift
from rapport.scoring.models.evaluation_record import GradeRecord
from rapport.serving.snapshots.live_model import LiveModel, ScoreSnapshot

_VIEWS = ("cohorts", "funnel", "attribution", "risk", "industries")


def describe_model(data_dir: Path, model: LiveModel, language: str, mlflow_url: str | None) -> dict[str, object]:
    """Return what the model page shows; a section that training did not write is None."""
    bundle = model.bundle
    evaluation = bundle.evaluation
    grade: GradeRecord = evaluation.get("grade") or {"letter": bundle.grade, "sentence": ""}
    return {
        "target": model.target,
        "name": bundle.target,
        "version": bundle.version,
        "made_at": bundle.provenance.get("made_at"),
        "as_of": bundle.provenance.get("as_of"),
        "grade": _localized(grade, language),
        "compared": evaluation.get("compared"),
        "calibration": evaluation.get("calibration"),
        "gain": evaluation.get("gain"),
        "profit": evaluation.get("profit"),
        "importance": evaluation.get("importance"),
        "gates": [_localized(gate, language) for gate in evaluation.get("gates") or ()] or None,
        "matured": model_store.matured(data_dir, model.target, bundle.version) or None,
        "slices": _slices(model, language),
        "weights": [{"expert": name, "weight": bundle.blend.share(name)} for name in bundle.blend.weights],
        "drift": _drift(model, language),
        "versions": _versions(data_dir, model.target),
        "mlflow": mlflow_url,
    }


def population_tables(snapshots: Sequence[ScoreSnapshot]) -> dict[str, Any]:
    """Return the analytics of all customers; the funnel comes from the snapshot of the leads."""
    found = {name: snapshots[0].run.cached_table(f"view_{name}") for name in _VIEWS}
    found["funnel"] = snapshots[-1].run.cached_table("view_funnel")
    return {name: [_plain(row) for row in table.to_pylist()] for name, table in found.items() if table is not None}


def _plain(row: dict[str, object]) -> dict[str, Any]:
    return {name: value.date().isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _localized(section: Mapping[str, object], language: str) -> dict[str, object]:
    """Return a section with its sentence in ``language``; bundles of older versions have English only."""
    others = {recorded_key("sentence", code) for code in CODES}
    own = {name: value for name, value in section.items() if name not in others}
    return own | {"sentence": recorded(section, "sentence", language)}


def _slices(model: LiveModel, language: str) -> list[dict[str, object]] | None:
    """Return the model's metrics by segment of the customers, then by cutoff, latest first."""
    evaluation, names = model.bundle.evaluation, model.bundle.by_name
    parts = [
        {**part, "label": names[part["by"]].meaning(language) if part["by"] in names else None}
        for part in evaluation.get("segments") or ()
    ]
    cutoffs: list[dict[str, object]] = [
        {"by": "cutoff", "label": None, "value": one["cutoff"], "count": one["rows"], "predicted": one["expected"],
         "rate": one["rate"], "auc": one["auc"]}
        for one in evaluation.get("slices") or ()
    ]  # fmt: skip
    return [*parts, *cutoffs] or None


def _drift(model: LiveModel, language: str) -> list[dict[str, object]] | None:
    if model.latest_snapshot is None:
        return None
    scored = model.latest_snapshot.scored
    found = feature_drift(model.bundle, scored.rows.take(scored.eligible))[:30]
    names = model.bundle.by_name
    return [
        {
            "feature": one.name,
            "label": names[one.name].meaning(language),
            "psi": one.psi,
            "missing_then": one.missing_then,
            "missing_now": one.missing_now,
        }
        for one in found
    ]


def _versions(data_dir: Path, target: str) -> list[dict[str, object]]:
    periods = {period.version: period for period in model_store.history(data_dir, target)}
    aliases = {version: alias for alias, version in model_store.aliases_of(data_dir, target).items()}
    lines = []
    for version in reversed(model_store.versions(data_dir, target)):
        description = model_store.description(data_dir, target, version)
        period = periods.get(version)
        record = description.get("record")
        lines.append(
            {
                "version": version,
                "made_at": record.get("made_at") if isinstance(record, dict) else None,
                "alias": aliases.get(version, ""),
                "grade": description.get("grade"),
                "auc": _auc(description.get("evaluation")),
                "promoted_by": period.by if period else None,
                "promoted_at": period.since if period else None,
            }
        )
    return lines


def _auc(evaluation: object) -> float | None:
    compared = evaluation.get("compared") if isinstance(evaluation, dict) else None
    lines = compared if isinstance(compared, list) else []
    return next((line.get("auc") for line in lines if line.get("name") == "blend"), None)

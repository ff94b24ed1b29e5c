"""The records that the dossier states: models, champion periods, scoring runs, audit trail, forgotten customers.

Nothing here reads the clock or a history: the same records give the same dossier.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import sqrt
from pathlib import Path

import pyarrow.compute as pc

from rapport.data_format import format_of
from rapport.errors import BundleError
from rapport.features.states import EXCLUDED
from rapport.history import Settings
from rapport.integrity import SEAL, check_seal
from rapport.languages import CODES
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle import Bundle, Fallback
from rapport.scoring.models.bundle_files import MAIN
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.evaluation_record import EvaluationRecord, SegmentMetrics
from rapport.scoring.models.published import load_published
from rapport.serving.dossier.record_types import (
    AttributeRecord,
    AuditRecord,
    DossierRecords,
    FallbackRecord,
    ForgottenRecord,
    ModelRecord,
    PeriodRecord,
    RunRecord,
    SegmentRecord,
)
from rapport.serving.snapshots.store import publications, published_run_name, read_run
from rapport.suppression import LIST


def dossier_records(data_dir: Path, settings: Settings, as_of: date | None) -> DossierRecords:
    """Return everything that is recorded, at ``as_of``; by default at the last time that a record names."""
    until = as_of.isoformat() if as_of else "9999-12-31"
    targets = model_store.targets(data_dir)
    champions = {target: _champion_periods(data_dir, target, until) for target in targets}
    models = [_model(data_dir, target, periods, settings) for target, periods in champions.items() if periods]
    if not models:
        when = f" on {until}" if targets else ""
        raise BundleError(
            f"{data_dir}: there is no champion{when}, so there is nothing to document."
            " Train a model: rapport train HISTORY; or name a later day with --as-of."
        )
    runs = [found for model in models if (found := _run(data_dir, model["target"], until))]
    trail = _audit(data_dir, until)
    times = [model["champion"]["since"] for model in models] + [run["published_at"] for run in runs]
    return {
        "as_of": until if as_of else max([*(time[:10] for time in times), trail["last_day"] or ""]),
        "data_format": format_of(data_dir),
        "models": models,
        "runs": runs,
        "audit": trail,
        "forgotten": _forgotten(data_dir),
        "settings": {"fixed_attributes": settings.fixed_attributes, "holdout_share": settings.holdout_share},
    }


def _champion_periods(data_dir: Path, target: str, until: str) -> list[PeriodRecord]:
    return [
        {"version": each.version, "since": each.since, "by": each.by}
        for each in model_store.history(data_dir, target)
        if each.since[:10] <= until
    ]


def _model(data_dir: Path, target: str, periods: list[PeriodRecord], settings: Settings) -> ModelRecord:
    """Return the card of the champion, after comparing its files with their digests."""
    champion = periods[-1]
    folder = data_dir / "models" / target / champion["version"]
    bundle = load_published(data_dir, target, champion["version"])
    evaluation, provenance = bundle.evaluation, bundle.provenance
    return {
        "target": target,
        "version": champion["version"],
        "champion": champion,
        "periods": periods,
        "horizon": bundle.horizon,
        "active_window": bundle.active_window,
        "currency": bundle.currency,
        "fingerprint": bundle.fingerprint,
        "eligible": bundle.eligible,
        "grade": bundle.grade or (evaluation["grade"]["letter"] if evaluation.get("grade") else ""),
        "rule": {"by": bundle.rule.by, "horizon": bundle.rule.horizon, "grace": bundle.rule.grace},
        "trained_at": provenance.get("made_at"),
        "provenance": {
            "as_of": provenance.get("as_of"),
            "cutoffs": provenance.get("cutoffs"),
            "data_fingerprint": provenance.get("data_fingerprint"),
            "tables": provenance.get("tables"),
            "table_ends": provenance.get("table_ends"),
            "versions": provenance.get("versions"),
            "python": provenance.get("python"),
        },
        "size": evaluation.get("size") or {},
        "digest": hashlib.sha256((folder / MAIN).read_bytes()).hexdigest(),
        "members": [{"name": member.name, "weight": bundle.blend.share(member.name)} for member in bundle.members],
        "fallback": _fallback(bundle.fallback),
        "features": len(bundle.columns),
        "served": evaluation.get("served"),
        "rate": evaluation.get("rate"),
        "rows": evaluation.get("rows"),
        "out_of_time": evaluation.get("out_of_time"),
        "measures": evaluation.get("measures"),
        "grade_reasons": evaluation.get("grade") or {},
        "calibration": evaluation.get("calibration") or [],
        "gates": evaluation.get("gates") or [],
        "importance": evaluation.get("importance") or [],
        "slices": evaluation.get("slices") or [],
        "segments": segment_errors(evaluation, bundle),
        "fairness": attribute_groups(evaluation, bundle, settings.fixed_attributes),
        "matured": model_store.matured(data_dir, target, champion["version"]),
    }


def _fallback(fallback: Fallback) -> FallbackRecord:
    record: FallbackRecord = {"label": fallback.label, "en": fallback.en, "zh": fallback.zh}
    if fallback.further:
        record["further"] = dict(fallback.further)
    return record


def _run(data_dir: Path, target: str, until: str) -> RunRecord | None:
    """Return the run that answered at the end of the day ``until``; None before the first one."""
    published = [each for each in _publications(data_dir, target) if each["at"][:10] <= until]
    if not published:
        return None
    last = published[-1]
    folder = data_dir / "scores" / target / "runs" / last["run"]
    if not folder.is_dir():
        return {"target": target, "run": last["run"], "published_at": last["at"], "by": last["by"], "stored": False}
    check_seal(folder, data_dir)
    run = read_run(folder)
    table = run.table("features")
    counts = pc.value_counts(table.column("state")).to_pylist() if table is not None else []
    states = {str(each["values"]): int(each["counts"]) for each in counts}
    facts = run.manifest.facts
    return {
        "target": target,
        "run": last["run"],
        "published_at": last["at"],
        "by": last["by"],
        "stored": True,
        "as_of": run.manifest.as_of,
        "scored_at": run.manifest.scored_at,
        "version": run.manifest.version,
        "customers": run.manifest.rows,
        "states": dict(sorted(states.items())),
        "excluded": states.get(EXCLUDED, 0),
        "tables": dict(facts.get("rows", {})),
        "rejected": facts.get("rejected"),
        "summary": dict(facts.get("summary", {})),
        "gates": list(facts.get("gates", [])),
        "forced": bool(facts.get("forced")),
        "digests": _digests(folder),
    }


def _publications(data_dir: Path, target: str) -> list[dict[str, str]]:
    """Return which run answered since when; versions without that log name only the current run."""
    recorded = publications(data_dir, target)
    name = published_run_name(data_dir, target)
    if recorded or name is None:
        return recorded
    run = read_run(data_dir / "scores" / target / "runs" / name)
    return [{"run": name, "at": run.manifest.scored_at, "by": "score"}]


def _digests(folder: Path) -> dict[str, str]:
    """Return the recorded SHA-256 of each file of a sealed folder; empty for one of before there were seals."""
    path = folder / SEAL
    return dict(json.loads(path.read_text(encoding="utf-8"))["files"]) if path.is_file() else {}


def _audit(data_dir: Path, until: str) -> AuditRecord:
    """Count the entries of the audit trail by route; names of people and customers stay out."""
    days = sorted(path for path in (data_dir / "audit").glob("[0-9]*.jsonl") if path.stem <= until)
    routes: Counter[str] = Counter()
    readers: set[str] = set()
    for path in days:
        for entry in map(_entry, path.read_text(encoding="utf-8").splitlines()):
            routes[str(entry.get("route", ""))] += 1
            readers.add(str(entry.get("by", "")))
    return {
        "entries": routes.total(),
        "readers": len(readers),
        "routes": dict(sorted(routes.items())),
        "first_day": days[0].stem if days else None,
        "last_day": days[-1].stem if days else None,
    }


def _entry(line: str) -> Mapping[str, object]:
    # A line that a power failure cut off is still an entry.
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _forgotten(data_dir: Path) -> ForgottenRecord:
    """Count the customers on the suppression list, and the receipts that are not complete."""
    path = data_dir / LIST
    receipts = [json.loads(each.read_text(encoding="utf-8")) for each in (data_dir / "privacy").glob("receipt-*.json")]
    return {
        "customers": len(json.loads(path.read_text(encoding="utf-8"))["hashes"]) if path.is_file() else 0,
        "receipts": len(receipts),
        "incomplete": sum(not each["complete"] for each in receipts),
    }


ATTRIBUTE = "attribute_"
BEYOND_CHANCE = 2.0
"""A gap of this many standard errors is named; of 20 groups without any bias, one reaches it by chance."""


def segment_errors(evaluation: EvaluationRecord, bundle: Bundle) -> list[SegmentRecord]:
    """Return the errors by cutoff and by segment, those of ``attribute_groups`` left out."""
    cutoffs: list[SegmentMetrics] = [
        {"by": "cutoff", "value": one["cutoff"], "count": one["rows"], "predicted": one["expected"],
         "rate": one["rate"], "auc": one["auc"]}
        for one in evaluation.get("slices") or ()
    ]  # fmt: skip
    segments = [one for one in evaluation.get("segments") or () if not one["by"].startswith(ATTRIBUTE)]
    return _with_gaps([*cutoffs, *segments], bundle)


def _with_gaps(segments: Iterable[SegmentMetrics], bundle: Bundle) -> list[SegmentRecord]:
    """Return segments with their calibration gap: mean probability minus outcome rate."""
    names = bundle.by_name
    found: list[SegmentRecord] = []
    for one in segments:
        meaning = _meanings(names[one["by"]]) if one["by"] in names else None
        gap, beyond_chance = _gap(one)
        found.append({**one, "meaning": meaning, "gap": gap, "beyond_chance": beyond_chance})
    return found


def attribute_groups(evaluation: EvaluationRecord, bundle: Bundle, named: Iterable[str]) -> list[AttributeRecord]:
    """Return, for each attribute that the model reads or the settings name, its groups and how far they differ."""
    read = [name.removeprefix(ATTRIBUTE) for name in bundle.by_name if name.startswith(ATTRIBUTE)]
    segments = _with_gaps(evaluation.get("segments") or (), bundle)
    return [
        _attribute(name, name in read, [one for one in segments if one["by"] == f"{ATTRIBUTE}{name}"])
        for name in sorted({*read, *named})
    ]


def _attribute(name: str, is_read: bool, groups: Sequence[SegmentRecord]) -> AttributeRecord:
    return {
        "attribute": name,
        "is_feature": is_read,
        "groups": list(groups),
        "largest_gap": max((abs(group["gap"]) for group in groups if group["gap"] is not None), default=None),
        "rate_difference": _spread(group.get("rate") for group in groups),
        "probability_difference": _spread(group.get("predicted") for group in groups),
        "auc_difference": _spread(group.get("auc") for group in groups),
    }


def _spread(figures: Iterable[float | None]) -> float | None:
    """Return the largest minus the smallest figure of the groups; None for fewer than two."""
    known = [float(figure) for figure in figures if figure is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _gap(segment: SegmentMetrics) -> tuple[float | None, bool | None]:
    """Return mean probability minus outcome rate, and whether it is beyond chance; None where one is unknown."""
    predicted, rate, count = segment.get("predicted"), segment.get("rate"), segment["count"]
    if predicted is None or rate is None:
        return None, None
    # The error of a rate as predicted; at 0 or 1 it would be 0, so one outcome is the least that counts.
    error = sqrt(max(predicted * (1 - predicted), 1 / count) / count)
    return predicted - rate, abs(predicted - rate) > BEYOND_CHANCE * error


def _meanings(column: FeatureColumn) -> dict[str, str]:
    return {language: column.meaning(language).rstrip(".。") for language in CODES}

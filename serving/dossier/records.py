"""The records that the dossier states: models, champion periods, scoring runs, audit trail, forgotten customers.

Nothing here reads the clock or a history: the same records give the same dossier.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rapport.data_format import format_of
from rapport.errors import BundleError
from rapport.features.states import EXCLUDED
from rapport.history import Settings
from rapport.integrity import SEAL, check_seal
from rapport.languages import CODES
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle import Bundle
from rapport.scoring.models.bundle_files import MAIN
from rapport.scoring.models.published import load_published
from rapport.serving.snapshots.store import publications, published_run_name, read_run
from rapport.suppression import LIST

_COPIED = ("horizon", "active_window", "currency", "fingerprint", "eligible")


def dossier_records(data_dir: Path, settings: Settings, as_of: date | None) -> dict[str, Any]:
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
        "settings": {name: getattr(settings, name) for name in ("fixed_attributes", "holdout_share")},
    }


def _champion_periods(data_dir: Path, target: str, until: str) -> list[dict[str, str]]:
    return [asdict(each) for each in model_store.history(data_dir, target) if each.since[:10] <= until]


def _model(data_dir: Path, target: str, periods: list[dict[str, str]], settings: Settings) -> dict[str, Any]:
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
        **{name: getattr(bundle, name) for name in _COPIED},
        "grade": bundle.grade or (evaluation["grade"]["letter"] if evaluation.get("grade") else ""),
        "rule": asdict(bundle.rule),
        "trained_at": provenance.get("made_at"),
        "provenance": {
            name: provenance.get(name)
            for name in ("as_of", "cutoffs", "data_fingerprint", "tables", "table_ends", "versions", "python")
        },
        "size": evaluation.get("size") or {},
        "digest": hashlib.sha256((folder / MAIN).read_bytes()).hexdigest(),
        "members": [{"name": member.name, "weight": bundle.blend.share(member.name)} for member in bundle.members],
        "fallback": bundle.fallback.to_dict(),
        "features": len(bundle.columns),
        **{name: evaluation.get(name) for name in ("served", "rate", "rows", "out_of_time", "measures")},
        "grade_reasons": evaluation.get("grade") or {},
        **{name: evaluation.get(name) or [] for name in ("calibration", "gates", "importance", "slices")},
        "segments": segment_errors(evaluation, bundle),
        "fairness": attribute_groups(evaluation, bundle, settings.fixed_attributes),
        "matured": model_store.matured(data_dir, target, champion["version"]),
    }


def _run(data_dir: Path, target: str, until: str) -> dict[str, Any] | None:
    """Return the run that answered at the end of the day ``until``; None before the first one."""
    published = [each for each in _publications(data_dir, target) if each["at"][:10] <= until]
    if not published:
        return None
    last = published[-1]
    folder = data_dir / "scores" / target / "runs" / last["run"]
    found: dict[str, object] = {"target": target, "run": last["run"], "published_at": last["at"], "by": last["by"]}
    if not folder.is_dir():
        return found | {"stored": False}
    check_seal(folder, data_dir)
    run = read_run(folder)
    table = run.table("features")
    counts = pc.value_counts(table.column("state")).to_pylist() if table is not None else []
    states = {str(each["values"]): int(each["counts"]) for each in counts}
    facts = run.manifest.facts
    return found | {
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


def _audit(data_dir: Path, until: str) -> dict[str, object]:
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


def _forgotten(data_dir: Path) -> dict[str, int]:
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


def segment_errors(evaluation: Mapping[str, Any], bundle: Bundle) -> list[dict[str, object]]:
    """Return the errors by cutoff and by segment, those of ``attribute_groups`` left out."""
    cutoffs = [
        {"by": "cutoff", "value": one["cutoff"], "count": one["rows"], "predicted": one["expected"],
         "rate": one["rate"], "auc": one["auc"]}
        for one in evaluation.get("slices") or ()
    ]  # fmt: skip
    segments = [one for one in evaluation.get("segments") or () if not one["by"].startswith(ATTRIBUTE)]
    return _with_gaps([*cutoffs, *segments], bundle)


def _with_gaps(segments: Iterable[Mapping[str, object]], bundle: Bundle) -> list[dict[str, object]]:
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
    return {language: column.meaning(language).rstrip(".。") for language in CODES}

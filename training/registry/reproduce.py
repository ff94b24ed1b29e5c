"""Retrain a version from its record, and check whether the model is the same."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

from rapport.durations import parse_duration
from rapport.errors import BundleError
from rapport.history import History, Settings, read_history
from rapport.history.settings import CURRENT_NAMES
from rapport.history.suppressed_rows import leave_out_suppressed
from rapport.integrity import SEAL
from rapport.progress import Progress, no_progress
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.models.bundle_files import MAIN, read_json
from rapport.scoring.models.evaluation_record import EvaluationRecord, ProvenanceRecord
from rapport.scoring.models.stored_names import with_current_names
from rapport.training.command_result import CommandResult
from rapport.training.pipeline import train
from rapport.training.provenance import table_counts

IRRELEVANT_SETTINGS = ("data_dir", "temp_dir", "memory_limit", "threads", "playbook")


def reproduce(
    source: str | Path, data_dir: Path, target: str, version: str, *, progress: Progress = no_progress
) -> CommandResult:
    """Retrain from the version's record and compare byte by byte; the plain values say ``same``.

    A history with other numbers of rows cannot give the same model, so nothing is trained on it.
    """
    folder = data_dir / "models" / target / version
    provenance = cast(ProvenanceRecord, model_store.description(data_dir, target, version)["record"])
    if "gbm_params" not in provenance:
        raise BundleError(f"{target} {version} was trained by an older version; its record is incomplete. Train again.")
    name = f"{target} {version}"
    progress("reading the history", 0.0)
    with read_history(
        source, Settings.of(provenance["settings"], where=f"the record of {target} {version}")
    ) as history:
        leave_out_suppressed(history, data_dir)
        before, now = provenance["tables"], table_counts(history)
        if before != now:
            why = [f"the history had {_counts(before)} rows, now {_counts(now)}"]
            return _not_the_same(f"{name} was not retrained from its record", why)
        new = retrain(history, provenance, progress=progress)
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder_name:
        reproduced = _as_registered(new, Bundle.load(folder)).save(Path(folder_name) / "bundle")
        differing = sorted(_differing(folder, reproduced))
    if not differing:
        return CommandResult(f"{name} was retrained from its record: the same bundle, byte by byte.", {"same": True})
    why = list(_causes(provenance, new.provenance))
    unknown = f"the record is the same, but these differ: {', '.join(differing)}"
    return _not_the_same(f"{name} was retrained from its record and is not the same", why, unknown)


def _not_the_same(result: str, why: list[str], unknown: str = "") -> CommandResult:
    return CommandResult(f"{result}: {'; '.join(why) or unknown}.", {"same": False, "why": why})


def retrain(history: History, provenance: ProvenanceRecord, *, progress: Progress = no_progress) -> Bundle:
    """Train with the settings of a record, on a history that was read with them."""
    return train(
        history,
        provenance["target"],
        as_of=datetime.fromisoformat(provenance["as_of"]),
        horizon=parse_duration(provenance["horizon"]),
        active=parse_duration(provenance["active"]),
        search=int(provenance["search"]),
        progress=progress,
    ).bundle


def _as_registered(new: Bundle, old: Bundle) -> Bundle:
    """Return the new bundle with the version and the entries that the old one got at registration."""
    evaluation: EvaluationRecord = {**new.evaluation}
    # These depend on the champion of the day of the registration.
    if "gates" in old.evaluation:
        evaluation["gates"] = old.evaluation["gates"]
    if "against_champion" in old.evaluation:
        evaluation["against_champion"] = old.evaluation["against_champion"]
    provenance: ProvenanceRecord = {**new.provenance, "made_at": old.provenance["made_at"]}
    # Paths and the resources used do not affect the model.
    # A record by an older version has the former names of settings.
    names = {CURRENT_NAMES.get(name, name): name for name in old.provenance["settings"]}
    after = {
        **provenance["settings"],
        **{name: old.provenance["settings"][names[name]] for name in IRRELEVANT_SETTINGS},
    }
    provenance["settings"] = {own: after[name] for name, own in names.items()}
    return replace(new, version=old.version, evaluation=evaluation, provenance=provenance)


def _differing(one: Path, other: Path) -> Iterator[str]:
    # The seal is written at publication, over the bytes compared here.
    names = {path.name for folder in (one, other) for path in folder.iterdir()} - {SEAL}
    for name in names:
        pair = [folder / name for folder in (one, other)]
        if not all(path.is_file() for path in pair) or pair[0].read_bytes() != pair[1].read_bytes():
            yield from _differing_entries(*pair) if name == MAIN else (name,)


def _differing_entries(one: Path, other: Path) -> list[str]:
    left, right = (with_current_names(read_json(path)) for path in (one, other))
    return [f"{name} in {MAIN}" for name in left | right if left.get(name) != right.get(name)]


def _causes(before: ProvenanceRecord, after: ProvenanceRecord) -> Iterator[str]:
    """Yield the differences between two runs that a model depends on."""
    if before["data_fingerprint"] != after["data_fingerprint"]:
        yield "the history has as many rows, but different ones (data fingerprint)"
    if before["catalog_fingerprint"] != after["catalog_fingerprint"]:
        yield "the feature catalog has changed"
    before_versions = {"Python": before["python"], **before["versions"]}
    after_versions = {"Python": after["python"], **after["versions"]}
    changed = [name for name in before_versions if before_versions[name] != after_versions.get(name)]
    yield from (f"{name} was {before_versions[name]}, now {after_versions.get(name, 'none')}" for name in changed)


def _counts(tables: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in tables.items())

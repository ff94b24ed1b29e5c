"""The life of a model: recorded and registered in MLflow, published to the shelf, promoted, rolled back.

The shelf's pointer decides what is served; MLflow's aliases follow it. Every step writes something new first and moves
a pointer last, so that a run killed anywhere leaves the champion as it was. Trainings may run side by side; they are
numbered, kept and crowned one after the other.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from rapport.scoring import Bundle, shelf
from rapport.scoring.cost import refuse_costly
from rapport.training.gates import against_champion, as_dicts, gates_of
from rapport.training.recipe import Progress, Trained, silent
from rapport.training.runs import log_run
from rapport.training.store import opened, temporaries_in, tracking_uri
from rapport.training.summary import summary
from rapport.training.told import Told, table

from rapport.errors import PromotionError
from rapport.locks import alone

CHAMPION, CHALLENGER = "champion", "challenger"
LOCK = "models"


def record(
    trained: Trained,
    *,
    home: Path,
    environ: Mapping[str, str],
    now: datetime,
    language: str | None = None,
    progress: Progress = silent,
) -> Told:
    """Log, register and publish; the first model of a target becomes its champion, any later one its challenger.

    The report is in ``language``, by default that of the settings.
    """
    language = language or trained.made.history.settings.language
    with alone(home, LOCK, f"keeping its {trained.bundle.target} model", now=now, progress=progress):
        return _recorded(trained, home, environ, now, language)


def _recorded(trained: Trained, home: Path, environ: Mapping[str, str], now: datetime, language: str) -> Told:
    uri = tracking_uri(home, environ)
    client = opened(home, uri)
    target = trained.bundle.target
    bundle = _numbered(trained, home, client, now)
    refuse_costly(bundle)
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder, temporaries_in(Path(folder)):
        saved = bundle.save(Path(folder) / "bundle")
        run_id = log_run(client, home, uri, replace(trained, bundle=bundle), saved, language=language)
        shelf.publish(saved, home, target, bundle.version)
    first = not shelf.history(home, target)
    alias = CHAMPION if first else CHALLENGER
    if first:
        shelf.crown(home, target, bundle.version, now)
    _point(client, target, alias, bundle.version)
    gates = bundle.evaluation["gates"]
    plain = {"version": bundle.version, "run_id": run_id, "alias": alias, "gates": gates, "tracking_uri": _shown(uri)}
    sentences = [f"Kept as {target} {bundle.version}, the {alias}."]
    sentences += [f"Gate {gate['name']}: {gate['sentence']}" for gate in gates if not gate["passed"]]
    if not first:
        sentences.append(f"`rapport models promote {bundle.version} --target {target}` makes it champion.")
    return Told("\n".join(sentences), plain)


def promote(
    home: Path, target: str, version: str, *, environ: Mapping[str, str], now: datetime, force: bool = False
) -> Told:
    """Crown a version of the shelf if it passes its gates; PromotionError with the sentences of those it fails."""
    with alone(home, LOCK, f"promoting {target} {version}", now=now):
        return _promoted(home, target, version, environ, now, force=force)


def _promoted(home: Path, target: str, version: str, environ: Mapping[str, str], now: datetime, *, force: bool) -> Told:
    described = shelf.description(home, target, version)
    reigns = shelf.history(home, target)
    champion = reigns[-1].version if reigns else None
    if champion == version:
        raise PromotionError(f"{target} {version} is the champion already.")
    gates = gates_of(_evaluation(described), champion)
    failed = [gate.sentence for gate in gates if not gate.passed]
    if failed and not force:
        raise PromotionError(f"{target} {version} is not promoted. {' '.join(failed)}")
    shelf.crown(home, target, version, now)
    _point(opened(home, tracking_uri(home, environ)), target, CHAMPION, version)
    sentences = [
        f"{target} {version} is champion; before it: {champion or 'none'}.",
        *(gate.sentence for gate in gates),
    ]
    return Told("\n".join(sentences), {"version": version, "before": champion, "gates": as_dicts(gates)})


def rollback(home: Path, target: str, *, environ: Mapping[str, str], now: datetime) -> Told:
    """Crown the champion before the present one."""
    with alone(home, LOCK, f"rolling {target} back", now=now):
        before = shelf.champion_version(home, target)
        version = shelf.rollback(home, target, now)
        _point(opened(home, tracking_uri(home, environ)), target, CHAMPION, version)
    return Told(f"{target} {version} is champion again, in place of {before}.", {"version": version, "before": before})


def models_list(home: Path, target: str, *, environ: Mapping[str, str]) -> Told:
    """List every published version of a target, oldest first."""
    found = [_listed(home, target, version) for version in shelf.versions(home, target)]
    shown = [["version", "", "grade", "AUC", "as of", "horizon"]]
    shown += [
        [each["version"], each["alias"], each["grade"], _figure(each["auc"]), each["as_of"][:10], each["horizon"]]
        for each in found
    ]
    none = f"There is no {target} model in {home} yet. Train one: rapport train HISTORY --target {target}."
    plain = {"target": target, "models": found, "tracking_uri": _shown(tracking_uri(home, environ))}
    return Told(table(shown) if found else none, plain)


def models_show(home: Path, target: str, version: str, *, environ: Mapping[str, str]) -> Told:
    """Tell all that is known of one version."""
    described = shelf.description(home, target, version)
    bundle = Bundle.load(home / "models" / target / version)
    run = {"tracking_uri": _shown(tracking_uri(home, environ))}
    gates = "\n".join(f"Gate {gate['name']}: {gate['sentence']}" for gate in bundle.evaluation.get("gates", []))
    plain = {
        name: described[name] for name in ("target", "version", "horizon", "active", "grade", "evaluation", "record")
    }
    return Told(f"{summary(bundle)}\n{gates}", plain | run | _listed(home, target, version))


def reconciled(home: Path, *, environ: Mapping[str, str]) -> list[str]:
    """Point MLflow's champion aliases where the shelf points, after a run that was killed between the two."""
    client, moved = opened(home, tracking_uri(home, environ)), []
    for target in shelf.targets(home):
        version = shelf.champion_version(home, target)
        if _pointed(client, target) != version:
            _point(client, target, CHAMPION, version)
            moved.append(target)
    return moved


def _numbered(trained: Trained, home: Path, client: MlflowClient, now: datetime) -> Bundle:
    """Give the bundle its number, and the comparison with the champion if there is one."""
    bundle, target = trained.bundle, trained.bundle.target
    known = [int(each.version) for each in client.search_model_versions(f"name='{target}'")]
    shelved = [int(each) for each in shelf.versions(home, target) if each.isdigit()]
    version = str(max([0, *known, *shelved]) + 1)
    evaluation: Mapping[str, Any] = bundle.evaluation
    reigns = shelf.history(home, target)
    if reigns and trained.made.trial.judged:
        champion = Bundle.load(shelf.champion(home, target))
        blend = trained.made.assessment.said["blend"]
        evaluation = {**evaluation, "against_champion": against_champion(trained.made, blend, champion)}
    gates = gates_of(evaluation, reigns[-1].version if reigns else None)
    kept = {**bundle.record, "made_at": now.isoformat()}
    return replace(bundle, version=version, evaluation={**evaluation, "gates": as_dicts(gates)}, record=kept)


def _evaluation(described: Mapping[str, object]) -> Mapping[str, Any]:
    evaluation: Mapping[str, Any] = json.loads(json.dumps(described["evaluation"]))
    return evaluation


def _point(client: MlflowClient, target: str, alias: str, version: str) -> None:
    """Set an alias on the registered version that carries this bundle; one that is not registered gets none."""
    for found in client.search_model_versions(f"name='{target}'"):
        if found.tags.get("bundle_version") == version:
            client.set_registered_model_alias(target, alias, found.version)
            return


def _pointed(client: MlflowClient, target: str) -> str | None:
    try:
        found: str | None = client.get_model_version_by_alias(target, CHAMPION).tags.get("bundle_version")
    except MlflowException:
        return None
    return found


def _listed(home: Path, target: str, version: str) -> dict[str, Any]:
    described = shelf.description(home, target, version)
    reigns = shelf.history(home, target)
    evaluation, record = _evaluation(described), json.loads(json.dumps(described["record"]))
    champion = bool(reigns) and reigns[-1].version == version
    newest = shelf.versions(home, target)[-1] == version
    return {
        "version": version,
        "alias": CHAMPION if champion else CHALLENGER if newest else "",
        "grade": described["grade"],
        "as_of": record["as_of"],
        "horizon": described["horizon"],
        "auc": evaluation["measures"].get("blend", {}).get("auc"),
        "gates": evaluation.get("gates", []),
    }


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _shown(uri: str) -> str:
    """Return the address without the password that it may carry."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()

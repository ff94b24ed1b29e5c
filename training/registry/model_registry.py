"""The model registry: models are registered in MLflow, published to the model store, promoted and rolled back.

The model store's pointer decides what is served; MLflow's aliases follow it. Every step writes something new first and
moves a pointer last, so a run that is killed at any point leaves the champion as it was. Trainings may run in
parallel; numbering, registering and promoting run one at a time.
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

from rapport.errors import PromotionError
from rapport.locks import exclusive
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.reasons.cost import check_shap_cost
from rapport.training.command_result import CommandResult, text_table
from rapport.training.evaluation.served_part import served_of
from rapport.training.evaluation.summary import text_summary
from rapport.training.evaluation.training_run import validated_probability
from rapport.training.pipeline import Progress, TrainedModel, no_progress
from rapport.training.registry.mlflow_run import log_run
from rapport.training.registry.mlflow_store import open_store, temp_dir_in, tracking_uri
from rapport.training.registry.promotion_gates import as_dicts, compare_with_champion, evaluate_gates

CHAMPION, CHALLENGER = "champion", "challenger"
LOCK = "models"


def register(
    trained: TrainedModel,
    *,
    data_dir: Path,
    environ: Mapping[str, str],
    now: datetime,
    language: str | None = None,
    progress: Progress = no_progress,
) -> CommandResult:
    """Log, register and publish; the first model of a target becomes its champion, any later one its challenger.

    The report is in ``language``, by default that of the settings.
    """
    language = language or trained.run.history.settings.language
    with exclusive(data_dir, LOCK, f"registering its {trained.bundle.target} model", now=now, progress=progress):
        return _register(trained, data_dir, environ, now, language)


def _register(
    trained: TrainedModel, data_dir: Path, environ: Mapping[str, str], now: datetime, language: str
) -> CommandResult:
    uri = tracking_uri(data_dir, environ)
    client = open_store(data_dir, uri)
    target = trained.bundle.target
    bundle = _with_version(trained, data_dir, client, now)
    check_shap_cost(bundle)
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder, temp_dir_in(Path(folder)):
        bundle_dir = bundle.save(Path(folder) / "bundle")
        run_id = log_run(client, data_dir, uri, replace(trained, bundle=bundle), bundle_dir, language=language)
        model_store.publish(bundle_dir, data_dir, target, bundle.version)
    first = not model_store.history(data_dir, target)
    alias = CHAMPION if first else CHALLENGER
    if first:
        model_store.set_champion(data_dir, target, bundle.version, now)
    _set_alias(client, target, alias, bundle.version)
    gates = bundle.evaluation["gates"]
    plain = {
        "version": bundle.version,
        "run_id": run_id,
        "alias": alias,
        "gates": gates,
        "tracking_uri": _without_password(uri),
    }
    sentences = [f"Registered as {target} {bundle.version}, the {alias}."]
    sentences += [f"Gate {gate['name']}: {gate['sentence']}" for gate in gates if not gate["passed"]]
    if not first:
        sentences.append(f"`rapport models promote {bundle.version} --target {target}` makes it champion.")
    return CommandResult("\n".join(sentences), plain)


def promote(
    data_dir: Path, target: str, version: str, *, environ: Mapping[str, str], now: datetime, force: bool = False
) -> CommandResult:
    """Make a version the champion if it passes its gates; PromotionError with the sentences of those that it fails."""
    with exclusive(data_dir, LOCK, f"promoting {target} {version}", now=now):
        return _promote(data_dir, target, version, environ, now, force=force)


def _promote(
    data_dir: Path, target: str, version: str, environ: Mapping[str, str], now: datetime, *, force: bool
) -> CommandResult:
    description = model_store.description(data_dir, target, version)
    periods = model_store.history(data_dir, target)
    champion = periods[-1].version if periods else None
    if champion == version:
        raise PromotionError(f"{target} {version} is already the champion.")
    gates = evaluate_gates(_evaluation(description), champion)
    failed = [gate.sentence for gate in gates if not gate.passed]
    if failed and not force:
        raise PromotionError(f"{target} {version} is not promoted. {' '.join(failed)}")
    model_store.set_champion(data_dir, target, version, now)
    _set_alias(open_store(data_dir, tracking_uri(data_dir, environ)), target, CHAMPION, version)
    sentences = [
        f"{target} {version} is the champion now; before: {champion or 'none'}.",
        *(gate.sentence for gate in gates),
    ]
    return CommandResult("\n".join(sentences), {"version": version, "before": champion, "gates": as_dicts(gates)})


def rollback(data_dir: Path, target: str, *, environ: Mapping[str, str], now: datetime) -> CommandResult:
    """Make the previous champion the champion again."""
    with exclusive(data_dir, LOCK, f"rolling {target} back", now=now):
        before = model_store.champion_version(data_dir, target)
        version = model_store.rollback(data_dir, target, now)
        _set_alias(open_store(data_dir, tracking_uri(data_dir, environ)), target, CHAMPION, version)
    return CommandResult(
        f"{target} {version} is the champion again, instead of {before}.", {"version": version, "before": before}
    )


def list_models(data_dir: Path, target: str, *, environ: Mapping[str, str]) -> CommandResult:
    """List every published version of a target, oldest first."""
    models = [_description(data_dir, target, version) for version in model_store.versions(data_dir, target)]
    rows = [["version", "", "grade", "AUC", "as of", "horizon"]]
    rows += [
        [each["version"], each["alias"], each["grade"], _figure(each["auc"]), each["as_of"][:10], each["horizon"]]
        for each in models
    ]
    none = f"There is no {target} model in {data_dir} yet. Train one: rapport train HISTORY --target {target}."
    plain = {"target": target, "models": models, "tracking_uri": _without_password(tracking_uri(data_dir, environ))}
    return CommandResult(text_table(rows) if models else none, plain)


def show_model(data_dir: Path, target: str, version: str, *, environ: Mapping[str, str]) -> CommandResult:
    """Return all that is recorded about one version."""
    description = model_store.description(data_dir, target, version)
    bundle = Bundle.load(data_dir / "models" / target / version)
    run = {"tracking_uri": _without_password(tracking_uri(data_dir, environ))}
    gates = "\n".join(f"Gate {gate['name']}: {gate['sentence']}" for gate in bundle.evaluation.get("gates", []))
    plain = {
        name: description[name] for name in ("target", "version", "horizon", "active", "grade", "evaluation", "record")
    }
    return CommandResult(f"{text_summary(bundle)}\n{gates}", plain | run | _description(data_dir, target, version))


def sync_aliases(data_dir: Path, *, environ: Mapping[str, str]) -> list[str]:
    """Point MLflow's champion aliases to the model store's champions, after a run was killed between the two."""
    client, changed = open_store(data_dir, tracking_uri(data_dir, environ)), []
    for target in model_store.targets(data_dir):
        version = model_store.champion_version(data_dir, target)
        if _alias_version(client, target) != version:
            _set_alias(client, target, CHAMPION, version)
            changed.append(target)
    return changed


def _with_version(trained: TrainedModel, data_dir: Path, client: MlflowClient, now: datetime) -> Bundle:
    """Return the bundle with its version, its comparison with the champion and its gates."""
    bundle, target = trained.bundle, trained.bundle.target
    registered = [int(each.version) for each in client.search_model_versions(f"name='{target}'")]
    stored = [int(each) for each in model_store.versions(data_dir, target) if each.isdigit()]
    version = str(max([0, *registered, *stored]) + 1)
    evaluation: Mapping[str, Any] = bundle.evaluation
    periods = model_store.history(data_dir, target)
    if periods and trained.run.validation.folds:
        champion = Bundle.load(model_store.champion(data_dir, target))
        ours = validated_probability(trained.run)
        evaluation = {**evaluation, "against_champion": compare_with_champion(trained.run, ours, champion)}
    gates = evaluate_gates(evaluation, periods[-1].version if periods else None)
    provenance = {**bundle.provenance, "made_at": now.isoformat()}
    return replace(bundle, version=version, evaluation={**evaluation, "gates": as_dicts(gates)}, provenance=provenance)


def _evaluation(description: Mapping[str, object]) -> Mapping[str, Any]:
    evaluation: Mapping[str, Any] = json.loads(json.dumps(description["evaluation"]))
    return evaluation


def _set_alias(client: MlflowClient, target: str, alias: str, version: str) -> None:
    """Set an alias on the registered version with this bundle; a new champion is no longer the challenger."""
    for registered in client.search_model_versions(f"name='{target}'"):
        if registered.tags.get("bundle_version") == version:
            client.set_registered_model_alias(target, alias, registered.version)
            if alias == CHAMPION and _alias_version(client, target, CHALLENGER) == version:
                client.delete_registered_model_alias(target, CHALLENGER)
            return


def _alias_version(client: MlflowClient, target: str, alias: str = CHAMPION) -> str | None:
    try:
        version: str | None = client.get_model_version_by_alias(target, alias).tags.get("bundle_version")
    except MlflowException:
        return None
    return version


def _description(data_dir: Path, target: str, version: str) -> dict[str, Any]:
    description = model_store.description(data_dir, target, version)
    periods = model_store.history(data_dir, target)
    evaluation, provenance = _evaluation(description), json.loads(json.dumps(description["record"]))
    champion = bool(periods) and periods[-1].version == version
    newest = model_store.versions(data_dir, target)[-1] == version
    return {
        "version": version,
        "alias": CHAMPION if champion else CHALLENGER if newest else "",
        "grade": description["grade"],
        "as_of": provenance["as_of"],
        "horizon": description["horizon"],
        "auc": served_of(evaluation).get("auc"),
        "served": served_of(evaluation).get("part", "blend"),
        "gates": evaluation.get("gates", []),
    }


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _without_password(uri: str) -> str:
    """Return the address without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()

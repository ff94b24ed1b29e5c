"""The model registry: models are registered in MLflow, published to the model store, promoted and rolled back.

The model store's pointer decides what is served; MLflow's aliases follow it. Every step writes something new first and
moves a pointer last, so a run that is killed at any point leaves the champion as it was. Trainings may run in
parallel; numbering, registering and promoting run one at a time.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow import MlflowClient

from rapport.errors import PromotionError
from rapport.locks import exclusive
from rapport.progress import Progress, no_progress
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.scoring.models.evaluation_record import EvaluationRecord, ProvenanceRecord
from rapport.scoring.models.published import load_published
from rapport.scoring.reasons.cost import check_shap_cost
from rapport.training.command_result import CommandResult, text_table
from rapport.training.evaluation.served_part import served_of
from rapport.training.evaluation.summary import text_summary
from rapport.training.evaluation.training_run import validated_probability
from rapport.training.pipeline import TrainedModel
from rapport.training.registry.aliases import follow_store
from rapport.training.registry.mlflow_run import log_run
from rapport.training.registry.mlflow_store import check_reachable, open_store, temp_dir_in, tracking_uri
from rapport.training.registry.promotion_gates import as_dicts, compare_with_champion, evaluate_gates
from rapport.training.registry.unregistered import BUNDLE, MLFLOW_ERRORS, REPORT, keep, kept_in
from rapport.training.reports.training_report import write_report

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

    The report is in ``language``, by default that of the settings. If MLflow fails, the model is kept in the data
    folder and RegistrationError says where; ``register_kept`` registers it later.
    """
    target = trained.bundle.target
    with (
        exclusive(data_dir, LOCK, f"registering its {target} model", now=now, progress=progress),
        _workspace() as draft,
    ):
        bundle = _compared(trained, data_dir, now)
        check_shap_cost(bundle)
        try:
            client = open_registry(data_dir, environ)
            bundle = replace(bundle, version=_next_version(data_dir, target, client))
        except MLFLOW_ERRORS as error:
            bundle = replace(bundle, version=_next_version(data_dir, target, None))
            _write(draft, trained, bundle, language)
            raise keep(draft, data_dir, target, error) from error
        _write(draft, trained, bundle, language)
        try:
            return _publish(client, draft, bundle, data_dir, environ, now)
        except MLFLOW_ERRORS as error:
            raise keep(draft, data_dir, target, error) from error


def register_kept(data_dir: Path, *, environ: Mapping[str, str], now: datetime) -> CommandResult:
    """Register the models that were trained while MLflow could not be reached, and correct MLflow's aliases."""
    results = []
    with exclusive(data_dir, LOCK, "registering the models that were kept", now=now):
        for folder in kept_in(data_dir):
            results.append(_register_one(folder, data_dir, environ, now))
            shutil.rmtree(folder)
        corrected = sync_aliases(data_dir, environ=environ)
    sentences = [result.as_text() for result in results] or ["No model waits for its registration."]
    sentences += [f"MLflow's aliases of {target} now follow the model store." for target in corrected]
    return CommandResult(
        "\n".join(sentences), {"registered": [dict(one.plain) for one in results], "aliases": corrected}
    )


def _register_one(folder: Path, data_dir: Path, environ: Mapping[str, str], now: datetime) -> CommandResult:
    client = open_registry(data_dir, environ)
    bundle = Bundle.load(folder / BUNDLE)
    with _workspace() as draft:
        # Another model may have taken its number in the meantime.
        bundle = replace(bundle, version=_next_version(data_dir, bundle.target, client))
        bundle.save(draft / BUNDLE)
        shutil.copytree(folder / REPORT, draft / REPORT)
        return _publish(client, draft, bundle, data_dir, environ, now)


def _publish(
    client: MlflowClient, draft: Path, bundle: Bundle, data_dir: Path, environ: Mapping[str, str], now: datetime
) -> CommandResult:
    """Log and publish what lies in ``draft``; the pointer to the champion moves last."""
    uri, target = tracking_uri(data_dir, environ), bundle.target
    run_id = log_run(client, data_dir, uri, bundle, bundle_dir=draft / BUNDLE, report_dir=draft / REPORT)
    model_store.publish(draft / BUNDLE, data_dir, target, bundle.version)
    first = not model_store.history(data_dir, target)
    if first:
        model_store.set_champion(data_dir, target, bundle.version, now)
    follow_store(client, data_dir, target)
    alias, gates = model_store.CHAMPION if first else model_store.CHALLENGER, bundle.evaluation["gates"]
    sentences = [f"Registered as {target} {bundle.version}, the {alias}."]
    sentences += [f"Gate {gate['name']}: {gate['sentence']}" for gate in gates if not gate["passed"]]
    if not first:
        sentences.append(f"`rapport models promote {bundle.version} --target {target}` makes it champion.")
    plain = {"version": bundle.version, "run_id": run_id, "alias": alias, "gates": gates}
    return CommandResult("\n".join(sentences), plain | {"tracking_uri": _without_password(uri)})


@contextmanager
def _workspace() -> Iterator[Path]:
    """Yield a temporary folder, in which MLflow's temporary files lie too."""
    with tempfile.TemporaryDirectory(prefix="rapport-") as folder, temp_dir_in(Path(folder)):
        draft = Path(folder) / "draft"
        draft.mkdir()
        yield draft


def _write(draft: Path, trained: TrainedModel, bundle: Bundle, language: str | None) -> None:
    bundle.save(draft / BUNDLE)
    (draft / REPORT).mkdir()
    language = language or trained.run.history.settings.language
    write_report(replace(trained, bundle=bundle), draft / REPORT, language)


def open_registry(data_dir: Path, environ: Mapping[str, str]) -> MlflowClient:
    """Open MLflow's registry; RegistrationError if its server does not answer."""
    # MLflow itself would try for minutes.
    check_reachable(data_dir, environ)
    return open_store(data_dir, tracking_uri(data_dir, environ))


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
    sentences = [
        f"{target} {version} is the champion now; before: {champion or 'none'}.",
        *(gate.sentence for gate in gates),
        *_aliases_follow(data_dir, target, environ),
    ]
    return CommandResult("\n".join(sentences), {"version": version, "before": champion, "gates": as_dicts(gates)})


def rollback(data_dir: Path, target: str, *, environ: Mapping[str, str], now: datetime) -> CommandResult:
    """Make the previous champion the champion again."""
    with exclusive(data_dir, LOCK, f"rolling {target} back", now=now):
        before = model_store.champion_version(data_dir, target)
        version = model_store.rollback(data_dir, target, now)
        notes = _aliases_follow(data_dir, target, environ)
    text = "\n".join([f"{target} {version} is the champion again, instead of {before}.", *notes])
    return CommandResult(text, {"version": version, "before": before})


def list_models(data_dir: Path, target: str, *, environ: Mapping[str, str]) -> CommandResult:
    """List every published version of a target, oldest first."""
    models = [_description(data_dir, target, version) for version in model_store.versions(data_dir, target)]
    rows = [["version", "", "grade", "served", "AUC", "as of", "horizon"]]
    rows += [[each[name] for name in ("version", "alias", "grade", "served")] + _shown(each) for each in models]
    none = f"There is no {target} model in {data_dir} yet. Train one: rapport train HISTORY --target {target}."
    waiting = [path.name for path in kept_in(data_dir)]
    notes = [f"Not registered yet: {', '.join(waiting)}. Register: rapport models register"] if waiting else []
    plain = {
        "target": target,
        "models": models,
        "waiting": waiting,
        "tracking_uri": _without_password(tracking_uri(data_dir, environ)),
    }
    return CommandResult("\n".join([text_table(rows) if models else none, *notes]), plain)


def show_model(data_dir: Path, target: str, version: str, *, environ: Mapping[str, str]) -> CommandResult:
    """Return all that is recorded about one version."""
    description = model_store.description(data_dir, target, version)
    bundle = load_published(data_dir, target, version)
    run = {"tracking_uri": _without_password(tracking_uri(data_dir, environ))}
    gates = "\n".join(f"Gate {gate['name']}: {gate['sentence']}" for gate in bundle.evaluation.get("gates", []))
    plain = {
        name: description[name] for name in ("target", "version", "horizon", "active", "grade", "evaluation", "record")
    }
    return CommandResult(f"{text_summary(bundle)}\n{gates}", plain | run | _description(data_dir, target, version))


def sync_aliases(data_dir: Path, *, environ: Mapping[str, str]) -> list[str]:
    """Point MLflow's aliases to the model store's champions and challengers; return the targets that changed."""
    client = open_registry(data_dir, environ)
    return [target for target in model_store.targets(data_dir) if follow_store(client, data_dir, target)]


def _aliases_follow(data_dir: Path, target: str, environ: Mapping[str, str]) -> list[str]:
    """Point MLflow's aliases to the new champion; if MLflow fails, say so: what is served has changed already."""
    try:
        follow_store(open_registry(data_dir, environ), data_dir, target)
    except MLFLOW_ERRORS as error:
        reason = str(error).strip().partition("\n")[0]
        return [f"MLflow's aliases did not follow ({reason}). When it answers again: rapport models register"]
    return []


def _next_version(data_dir: Path, target: str, client: MlflowClient | None) -> str:
    registered = client.search_model_versions(f"name='{target}'") if client else ()
    numbers = [*(int(one.version) for one in registered), *_numbers(data_dir, target)]
    return str(max([0, *numbers]) + 1)


def _numbers(data_dir: Path, target: str) -> list[int]:
    return [int(each) for each in model_store.versions(data_dir, target) if each.isdigit()]


def _compared(trained: TrainedModel, data_dir: Path, now: datetime) -> Bundle:
    """Return the bundle with its comparison with the champion and its gates."""
    bundle, target = trained.bundle, trained.bundle.target
    evaluation = bundle.evaluation
    periods = model_store.history(data_dir, target)
    if periods and trained.run.validation.folds:
        champion = load_published(data_dir, target)
        ours = validated_probability(trained.run)
        evaluation = {**evaluation, "against_champion": compare_with_champion(trained.run, ours, champion)}
    gates = evaluate_gates(evaluation, periods[-1].version if periods else None)
    provenance: ProvenanceRecord = {**bundle.provenance, "made_at": now.isoformat()}
    return replace(bundle, evaluation={**evaluation, "gates": as_dicts(gates)}, provenance=provenance)


def _evaluation(description: Mapping[str, object]) -> EvaluationRecord:
    evaluation: EvaluationRecord = json.loads(json.dumps(description["evaluation"]))
    return evaluation


def _description(data_dir: Path, target: str, version: str) -> dict[str, Any]:
    description = model_store.description(data_dir, target, version)
    evaluation, provenance = _evaluation(description), json.loads(json.dumps(description["record"]))
    named = {number: alias for alias, number in model_store.aliases_of(data_dir, target).items()}
    return {
        "version": version,
        "alias": named.get(version, ""),
        "grade": description["grade"],
        # A bundle that was made by a script may not say where it comes from.
        "as_of": provenance.get("as_of", ""),
        "horizon": description["horizon"],
        "auc": served_of(evaluation).get("auc"),
        "served": served_of(evaluation).get("part", "blend"),
        "gates": evaluation.get("gates", []),
    }


def _shown(model: Mapping[str, Any]) -> list[str]:
    """Return the served part's AUC, the date and the horizon of a model."""
    auc = "–" if model["auc"] is None else f"{model['auc']:.3f}"
    return [auc, model["as_of"][:10] or "–", model["horizon"]]


def _without_password(uri: str) -> str:
    """Return the address without its password."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()

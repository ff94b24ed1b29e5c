"""Removal of old versions that never answered, with all that MLflow keeps of them: monthly trainings fill a disk."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from rapport.locks import exclusive
from rapport.scoring.models import model_store
from rapport.training.command_result import CommandResult
from rapport.training.registry.aliases import follow_store
from rapport.training.registry.model_registry import LOCK, open_registry


def prune(data_dir: Path, target: str, keep: int, *, environ: Mapping[str, str], now: datetime) -> CommandResult:
    """Remove the versions of a target that were never its champion, but for the newest ``keep`` of them.

    Versions that answered once stay: scores of the past are explained by them.
    """
    with exclusive(data_dir, LOCK, f"removing old {target} models", now=now):
        answered = {period.version for period in model_store.history(data_dir, target)}
        others = [version for version in model_store.versions(data_dir, target) if version not in answered]
        old = others[: max(0, len(others) - keep)]
        if old:
            client = open_registry(data_dir, environ)
            for version in old:
                _remove_from_mlflow(client, target, version)
                # Last, so that a command that was killed is done again.
                model_store.remove(data_dir, target, version)
            follow_store(client, data_dir, target)
    text = f"Removed {len(old):,} versions of {target} that never answered" + (f": {', '.join(old)}." if old else ".")
    return CommandResult(text, {"target": target, "removed": old, "kept": len(others) - len(old)})


def _remove_from_mlflow(client: MlflowClient, target: str, version: str) -> None:
    wanted = f"name='{target}' AND tags.bundle_version='{version}'"
    for registered in client.search_model_versions(wanted):
        client.delete_model_version(target, registered.version)
        run = client.get_run(registered.run_id)
        for output in run.outputs.model_outputs:
            get_artifact_repository(client.get_logged_model(output.model_id).artifact_location).delete_artifacts()
            client.delete_logged_model(output.model_id)
        get_artifact_repository(run.info.artifact_uri).delete_artifacts()
        client.delete_run(registered.run_id)

"""MLflow's aliases, which follow the model store: its champion, and the newest version as the challenger."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from rapport.scoring.models.model_store import CHALLENGER, CHAMPION, aliases_of


def follow_store(client: MlflowClient, data_dir: Path, target: str) -> bool:
    """Point MLflow's aliases to the versions of the model store; return whether anything changed."""
    wanted, changed = aliases_of(data_dir, target), False
    registered = {
        str(one.tags.get("bundle_version")): str(one.version)
        for one in client.search_model_versions(f"name='{target}'")
    }
    for alias in (CHAMPION, CHALLENGER):
        current, version = _registered_version(client, target, alias), registered.get(wanted.get(alias, ""))
        if current == version:
            continue
        changed = True
        if version is not None:
            client.set_registered_model_alias(target, alias, version)
        else:
            client.delete_registered_model_alias(target, alias)
    return changed


def _registered_version(client: MlflowClient, target: str, alias: str) -> str | None:
    try:
        return str(client.get_model_version_by_alias(target, alias).version)
    except MlflowException:
        return None

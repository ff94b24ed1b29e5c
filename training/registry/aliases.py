"""MLflow's aliases, which follow the model store: its champion, and the newest version as the challenger."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from rapport.scoring.models import model_store

CHAMPION, CHALLENGER = "champion", "challenger"


def aliases_of(data_dir: Path, target: str) -> dict[str, str]:
    """Return the version behind each alias; a champion is never its own challenger."""
    periods, versions = model_store.history(data_dir, target), model_store.versions(data_dir, target)
    found = {CHAMPION: periods[-1].version} if periods else {}
    if versions and versions[-1] != found.get(CHAMPION):
        found[CHALLENGER] = versions[-1]
    return found


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

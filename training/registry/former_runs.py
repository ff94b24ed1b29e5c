"""Bring the MLflow runs of earlier versions up to date: names of metrics, and the code that loads a model."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.exceptions import MlflowException

from rapport.errors import DataDirError
from rapport.files import replace_text
from rapport.training.registry.mlflow_store import ARTIFACTS, DATABASE, EXPERIMENT, open_store, tracking_uri

FORMER_PREFIXES = {"vote.": "weight."}
"""Former and current prefix of the names of metrics."""
MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")
# Before the rooms were one package, a model's code imported them by their own names.
_FORMER_IMPORT = re.compile(r"^(from|import) (history|features|scoring|training)\b", re.MULTILINE)
_PAGE = 500


def rename_metrics(data_dir: Path, environ: Mapping[str, str], *, check: bool) -> list[str]:
    """Log the metrics with former names under their current names; return what was logged, run by run.

    MLflow cannot rename or delete a metric, so the former name stays beside the current one.
    """
    uri = tracking_uri(data_dir, environ)
    if not environ.get("MLFLOW_TRACKING_URI") and not (data_dir / DATABASE).is_file():
        return []
    try:
        client = open_store(data_dir, uri)
        return [change for run in _runs(client) for change in _renamed(client, run, check=check)]
    except MlflowException as error:
        raise DataDirError(
            f"MLflow could not be read or written ({error.message.splitlines()[0]}). Check MLFLOW_TRACKING_URI; for a "
            "store of an earlier MLflow run `mlflow db upgrade`. Then run `rapport migrate` again."
        ) from error


def replace_model_code(data_dir: Path, *, check: bool) -> list[str]:
    """Replace the loading code of models kept in the data folder, so that ``mlflow.pyfunc.load_model`` reads them."""
    changes = []
    for described in sorted((data_dir / ARTIFACTS).rglob("MLmodel")):
        code = _code_of(described)
        if code is None or not _FORMER_IMPORT.search(code.read_text(encoding="utf-8")):
            continue
        if not check:
            replace_text(code, MODEL_CODE.read_text(encoding="utf-8"))
        changes.append(
            f"MLflow model {described.parent.relative_to(data_dir)}: {code.name} imports the current package"
        )
    return changes


def _runs(client: MlflowClient) -> Iterator[Run]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    token: str | None = None
    while experiment is not None:
        page = client.search_runs([experiment.experiment_id], max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _renamed(client: MlflowClient, run: Run, *, check: bool) -> list[str]:
    found = run.data.metrics
    missing = {
        former: current
        for former in sorted(found)
        for prefix, new in FORMER_PREFIXES.items()
        if former.startswith(prefix) and (current := new + former.removeprefix(prefix)) not in found
    }
    if not missing:
        return []
    if not check:
        at = run.info.end_time or run.info.start_time
        client.log_batch(
            run.info.run_id, [Metric(current, found[former], at, 0) for former, current in missing.items()]
        )
    names = ", ".join(f"{former} → {current}" for former, current in missing.items())
    return [f"MLflow run {run.info.run_name}: {names}"]


def _code_of(described: Path) -> Path | None:
    """Return the file that a model's description names as its code."""
    try:
        stored: Any = yaml.safe_load(described.read_text(encoding="utf-8"))
        name = Path(stored["flavors"]["python_function"]["model_code_path"]).name
    except (yaml.YAMLError, KeyError, TypeError):
        return None
    code = described.with_name(name)
    return code if code.is_file() else None

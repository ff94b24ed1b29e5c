"""Where MLflow keeps its runs: an embedded SQLite file beside the models, or the server that the environment names."""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, MLFLOW_TRACKING_URI
from mlflow.exceptions import MlflowException

DATABASE, ARTIFACTS, EXPERIMENT = "mlflow.db", "mlflow-artifacts", "rapport"


def tracking_uri(home: Path, environ: Mapping[str, str]) -> str:
    """Return ``MLFLOW_TRACKING_URI``, or the embedded store of ``home``."""
    return environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(home / DATABASE).resolve()}"


def opened(home: Path, uri: str) -> MlflowClient:
    """Open the store, made whole beforehand where it is embedded and new, and make it MLflow's own for this process."""
    home.mkdir(parents=True, exist_ok=True)
    if uri == f"sqlite:///{(home / DATABASE).resolve()}":
        _made(home.resolve())
    # Its progress bars and hints would stand between our own lines.
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    named = MLFLOW_TRACKING_URI.get()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    # MLflow writes it into the environment, where the next home's would be looked for.
    MLFLOW_TRACKING_URI.set(named) if named else MLFLOW_TRACKING_URI.unset()
    return MlflowClient(uri)


def experiment(client: MlflowClient, home: Path, uri: str) -> str:
    """Return the id of the experiment that all runs belong to."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    # A server has its own place for files; the embedded store would use the working directory.
    place = (home / ARTIFACTS).resolve().as_uri() if uri.startswith("sqlite:") else None
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))
    except MlflowException:
        # Another process made it between the question and now.
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        return str(found.experiment_id)


@contextmanager
def temporaries_in(folder: Path) -> Iterator[None]:
    """Let whatever makes temporary files without asking make them in ``folder``: a killed run's are then known."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _made(home: Path) -> None:
    """Make the database beside its place and link it in whole: a kill or a second process never meets half of one.

    MLflow's own first touch, when several processes meet or one is killed, leaves a file that no later run can open.
    """
    database = home / DATABASE
    if database.exists():
        return
    beside = home / f".{DATABASE}.{os.getpid()}"
    beside.unlink(missing_ok=True)
    MlflowClient(f"sqlite:///{beside}").search_experiments()
    try:
        os.link(beside, database)
    except FileExistsError:
        # Another process was first; its file is as whole as ours.
        pass
    finally:
        beside.unlink(missing_ok=True)

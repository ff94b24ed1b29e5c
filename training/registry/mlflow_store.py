"""The MLflow store: an embedded SQLite file beside the models, or the server that the environment names."""

import logging
import os
import socket
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR, MLFLOW_TRACKING_URI
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, event

from rapport.errors import RegistrationError

DATABASE, ARTIFACTS, EXPERIMENT = "mlflow.db", "mlflow-artifacts", "rapport"
# The kind decides whether MLflow's page opens on training runs or on traces of language models.
_KIND, _TRAINING = "mlflow.experimentKind", "custom_model_development"
_CONNECT_SECONDS = 5.0


def tracking_uri(data_dir: Path, environ: Mapping[str, str]) -> str:
    """Return ``MLFLOW_TRACKING_URI``, or the embedded store of the data folder."""
    return environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(data_dir / DATABASE).resolve()}"


def check_reachable(data_dir: Path, environ: Mapping[str, str]) -> None:
    """Raise RegistrationError if the tracking server does not answer: call it before the work, not after."""
    address = urlsplit(tracking_uri(data_dir, environ))
    if address.scheme not in ("http", "https") or not address.hostname:
        return
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise RegistrationError(
            f"The MLflow server {address.scheme}://{address.hostname}:{port} does not answer ({error}). Start it, or "
            "unset MLFLOW_TRACKING_URI to record in the data folder."
        ) from error


def open_store(data_dir: Path, uri: str) -> MlflowClient:
    """Open the store and make it MLflow's own for this process; an embedded store is created first."""
    data_dir.mkdir(parents=True, exist_ok=True)
    if uri == f"sqlite:///{(data_dir / DATABASE).resolve()}":
        _create_database(data_dir.resolve())
    # MLflow's progress bars and hints would appear between our own lines.
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    configured = MLFLOW_TRACKING_URI.get()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    # MLflow writes the address into the environment, where the next data folder would find it.
    MLFLOW_TRACKING_URI.set(configured) if configured else MLFLOW_TRACKING_URI.unset()
    return MlflowClient(uri)


def experiment_id(client: MlflowClient, data_dir: Path, uri: str) -> str:
    """Return the id of the experiment with all runs."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        if found.tags.get(_KIND) != _TRAINING:
            client.set_experiment_tag(found.experiment_id, _KIND, _TRAINING)
        return str(found.experiment_id)
    # A server has its own artifact location; the embedded store would use the working directory.
    location = (data_dir / ARTIFACTS).resolve().as_uri() if uri.startswith("sqlite:") else None
    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=location, tags={_KIND: _TRAINING}))
    except MlflowException:
        # Another process created it in the meantime.
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            raise
        return str(found.experiment_id)


@contextmanager
def temp_dir_in(folder: Path) -> Iterator[None]:
    """Make every temporary file inside ``folder``, so that the files of a killed run are easy to find."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _create_database(data_dir: Path) -> None:
    """Create the database under another name and link it: a killed or second process never meets a partial file.

    When several processes create it at once or one is killed, MLflow itself leaves a file that no later run can open.
    """
    database = data_dir / DATABASE
    if database.exists():
        return
    temporary = data_dir / f".{DATABASE}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    event.listen(Engine, "connect", _without_syncing)
    try:
        MlflowClient(f"sqlite:///{temporary}").search_experiments()
    finally:
        event.remove(Engine, "connect", _without_syncing)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(temporary, database)
    except FileExistsError:
        # Another process was first; its file is complete too.
        pass
    finally:
        temporary.unlink(missing_ok=True)


def _without_syncing(connection: sqlite3.Connection, _record: object) -> None:
    """Leave syncing to the end: MLflow commits each of its 200 migrations, and a partial file is thrown away."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = MEMORY")

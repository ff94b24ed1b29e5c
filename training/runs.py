"""One training as an MLflow run: parameters, metrics, report, and the model registered under its target's name."""

import math
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from rapport.scoring import Bundle
from rapport.training.recipe import Trained
from rapport.training.report import write_report
from rapport.training.store import experiment

SERVED = Path(__file__).with_name("served.py")
REQUIREMENTS = ["duckdb", "ibis-framework", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "pyyaml"]


def log_run(client: MlflowClient, home: Path, uri: str, trained: Trained, saved: Path, *, language: str) -> str:
    """Log the run and register its model; returns the run's id."""
    bundle = trained.bundle
    with mlflow.start_run(
        experiment_id=experiment(client, home, uri), run_name=f"{bundle.target} {bundle.version}"
    ) as run:
        mlflow.log_params(_params(bundle))
        mlflow.log_metrics(_metrics(bundle))
        mlflow.set_tags({"target": bundle.target, "grade": bundle.grade, "bundle_version": bundle.version})
        with tempfile.TemporaryDirectory(prefix="rapport-report-") as folder:
            write_report(trained, Path(folder), language)
            mlflow.log_artifacts(folder)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(SERVED),
            artifacts={"bundle": str(saved)},
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        )
        run_id = str(run.info.run_id)
    _registered(client, bundle, str(info.model_uri), run_id)
    return run_id


def _registered(client: MlflowClient, bundle: Bundle, model_uri: str, run_id: str) -> None:
    try:
        client.create_registered_model(bundle.target)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    client.create_model_version(
        bundle.target, model_uri, run_id=run_id, tags={"bundle_version": bundle.version, "grade": bundle.grade}
    )


def _params(bundle: Bundle) -> dict[str, Any]:
    record = bundle.record
    return {
        "target": bundle.target,
        "horizon": bundle.horizon,
        "active": bundle.active,
        "basis": bundle.basis.label,
        "as_of": record["as_of"],
        "cutoffs": len(record["cutoffs"]),
        "features": len(bundle.columns),
        "data_fingerprint": record["data_fingerprint"],
        "catalog_fingerprint": record["catalog_fingerprint"],
    }


def _metrics(bundle: Bundle) -> dict[str, float]:
    flat = {
        f"{part}.{name}": value
        for part, found in bundle.evaluation["measures"].items()
        for name, value in found.items()
        if not math.isnan(value)
    }
    return flat | {f"vote.{name}": share for name, share in bundle.evaluation["votes"].items()}

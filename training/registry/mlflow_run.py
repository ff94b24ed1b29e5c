"""One training as an MLflow run: parameters, metrics, report, and the model registered under its target's name."""

import math
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

from rapport.scoring import Bundle
from rapport.scoring.models.score_batch import NUMERIC_COLUMNS, TEXT_COLUMNS
from rapport.training.evaluation.served_part import served_of
from rapport.training.pipeline import TrainedModel
from rapport.training.registry.mlflow_store import experiment_id
from rapport.training.reports.training_report import write_report

MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")
REQUIREMENTS = ["duckdb", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "pyyaml"]


def log_run(
    client: MlflowClient, data_dir: Path, uri: str, trained: TrainedModel, bundle_dir: Path, *, language: str
) -> str:
    """Log the run and register its model; return the run's id."""
    bundle = trained.bundle
    with mlflow.start_run(
        experiment_id=experiment_id(client, data_dir, uri), run_name=f"{bundle.target} {bundle.version}"
    ) as run:
        mlflow.log_params(_params(bundle))
        mlflow.log_input(_dataset(bundle), context="training")
        mlflow.log_metrics(_metrics(bundle))
        mlflow.set_tags({"target": bundle.target, "grade": bundle.grade, "bundle_version": bundle.version})
        with tempfile.TemporaryDirectory(prefix="rapport-report-") as folder:
            write_report(trained, Path(folder), language)
            mlflow.log_artifacts(folder)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(MODEL_CODE),
            artifacts={"bundle": str(bundle_dir)},
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            signature=signature_of(bundle),
        )
        run_id = str(run.info.run_id)
    _register(client, bundle, str(info.model_uri), run_id)
    return run_id


def signature_of(bundle: Bundle) -> ModelSignature:
    """Return the columns that the model reads and writes; numbers may be of any type, and features only suffice."""
    read = [ColSpec(AnyType(), name, required=False) for name in ("customer_id", "state")]
    read += [ColSpec(AnyType(), column.name, required=False) for column in bundle.columns]
    written = [
        *(ColSpec(DataType.string, name) for name in TEXT_COLUMNS),
        *(ColSpec(DataType.double, name, required=False) for name in NUMERIC_COLUMNS),
    ]
    return ModelSignature(inputs=Schema(read), outputs=Schema(written))


def _dataset(bundle: Bundle) -> MetaDataset:
    """Return the training rows as MLflow lists them: by digest and origin; the rows themselves stay where they are."""
    provenance = bundle.provenance
    about = {"as_of": str(provenance["as_of"]), "cutoffs": str(len(provenance["cutoffs"]))}
    return MetaDataset(
        CodeDatasetSource(tags=about), name=f"{bundle.target} rows", digest=provenance["data_fingerprint"][:32]
    )


def _describe(client: MlflowClient, bundle: Bundle, registered_version: str) -> None:
    """Say in the registry what the model answers and how good it is."""
    question = "leaves" if bundle.is_risk else "buys"
    about = f"Chance that a customer {question} within {bundle.horizon}, with reasons that add up to the number."
    client.update_registered_model(bundle.target, description=about)
    grade = bundle.evaluation.get("grade", {}).get("sentence_en", f"Grade {bundle.grade}.")
    client.update_model_version(bundle.target, registered_version, description=f"{about} {grade}")


def _register(client: MlflowClient, bundle: Bundle, model_uri: str, run_id: str) -> None:
    try:
        client.create_registered_model(bundle.target)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    created = client.create_model_version(
        bundle.target, model_uri, run_id=run_id, tags={"bundle_version": bundle.version, "grade": bundle.grade}
    )
    _describe(client, bundle, created.version)


def _params(bundle: Bundle) -> dict[str, Any]:
    provenance = bundle.provenance
    return {
        "target": bundle.target,
        "horizon": bundle.horizon,
        "active": bundle.active_window,
        "basis": bundle.fallback.label,
        "as_of": provenance["as_of"],
        "cutoffs": len(provenance["cutoffs"]),
        "features": len(bundle.columns),
        "data_fingerprint": provenance["data_fingerprint"],
        "catalog_fingerprint": provenance["catalog_fingerprint"],
        **_fit_params(provenance),
    }


def _fit_params(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the trees were fitted, seeds included, and the settings that differ from nothing."""
    found = {"search": provenance.get("search", 0)}
    for part, params in provenance.get("gbm_params", {}).items():
        found |= {f"gbm.{part}.{name}": value for name, value in params.items()}
    return {name: str(value)[:500] for name, value in found.items()}


def _metrics(bundle: Bundle) -> dict[str, float]:
    flat = {
        f"{member}.{name}": value
        for member, metrics in bundle.evaluation["measures"].items()
        for name, value in metrics.items()
        if not math.isnan(value)
    }
    served = served_of(bundle.evaluation)
    flat |= {f"served.{name}": value for name, value in served.items() if name != "part" and not math.isnan(value)}
    return flat | {f"weight.{name}": weight for name, weight in bundle.evaluation["weights"].items()}

"""One training as an MLflow run: parameters, metrics, report, and the model registered under its target's name."""

import tempfile
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from rapport.scoring import Bundle
from rapport.training.registry.mlflow_store import experiment_id
from rapport.training.registry.package_wheel import write_wheel
from rapport.training.registry.run_content import (
    datasets_of,
    description_of,
    example_of,
    fold_metrics_of,
    metrics_of,
    params_of,
    signature_of,
    tags_of,
    trials_of,
)

MODEL_CODE = Path(__file__).with_name("pyfunc_model.py")
REQUIREMENTS = ("duckdb", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "pyyaml", "scipy")


def log_run(
    client: MlflowClient, data_dir: Path, uri: str, bundle: Bundle, *, bundle_dir: Path, report_dir: Path
) -> str:
    """Log the run and register its model; return the run's id."""
    with mlflow.start_run(
        experiment_id=experiment_id(client, data_dir, uri),
        run_name=f"{bundle.target} {bundle.version}",
        description=description_of(bundle)[1],
    ) as run:
        run_id = str(run.info.run_id)
        mlflow.log_params(params_of(bundle))
        for context, dataset in datasets_of(bundle).items():
            mlflow.log_input(dataset, context=context)
        mlflow.log_metrics(metrics_of(bundle))
        client.log_batch(run_id, metrics=list(fold_metrics_of(bundle)))
        mlflow.set_tags(tags_of(bundle))
        mlflow.log_artifacts(str(report_dir))
        _log_trials(bundle)
        model_uri = _log_model(bundle, bundle_dir)
    _register(client, bundle, model_uri, run_id)
    return run_id


def _log_trials(bundle: Bundle) -> None:
    """Log each trial of a parameter search as a run below the training's."""
    for number, trial in enumerate(trials_of(bundle)):
        with mlflow.start_run(run_name=f"trial {number}", nested=True):
            mlflow.log_params(trial["params"])
            mlflow.log_metric("validation.log_loss", trial["loss"])


def _log_model(bundle: Bundle, bundle_dir: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="rapport-wheel-") as folder:
        wheel = write_wheel(Path(folder))
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(MODEL_CODE),
            artifacts={"bundle": str(bundle_dir), "package": str(wheel)},
            # The package is on no index: its wheel lies in the model, and MLflow installs from there.
            pip_requirements=[*(f"{name}=={version(name)}" for name in REQUIREMENTS), f"artifacts/{wheel.name}"],
            signature=signature_of(bundle),
            input_example=example_of(bundle),
            model_config={"output": "scores"},
            metadata=tags_of(bundle),
        )
    return str(info.model_uri)


def _register(client: MlflowClient, bundle: Bundle, model_uri: str, run_id: str) -> None:
    try:
        client.create_registered_model(bundle.target)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    about, described = description_of(bundle)
    client.update_registered_model(bundle.target, description=about)
    client.create_model_version(bundle.target, model_uri, run_id=run_id, tags=tags_of(bundle), description=described)

"""What users of MLflow and shap expect: signature, dataset, aliases, and explanations of the served number."""

import json
import os
import subprocess
import sys
from datetime import datetime
from functools import cache
from io import StringIO
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import shap
from mlflow import MlflowClient
from training_world import ACTIVE, NOW, company, trained
from typer.testing import CliRunner

from rapport.cli.app import app
from rapport.errors import BundleError, RegistrationError
from rapport.features import snapshot
from rapport.scoring import Bundle, Scorer
from rapport.scoring.models import model_store
from rapport.training import explain, list_models, promote, register, register_kept, rollback
from rapport.training.registry.mlflow_store import check_reachable, tracking_uri

AT = datetime(2026, 1, 2)


def polars_frame(table):
    return pytest.importorskip("polars").from_arrow(table)


@cache
def people():
    return snapshot(company(), NOW, trained().run.catalog, active=ACTIVE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    for _ in range(2):
        register(trained(), data_dir=place, environ={}, now=AT)
    return place


@pytest.mark.parametrize("kind", ["arrow", "pandas", "polars"])
def test_an_explanation_is_of_the_served_number(kind):
    table = people()
    frame = {"arrow": lambda one: one, "pandas": lambda one: one.to_pandas(), "polars": polars_frame}[kind](table)
    scored = Scorer(trained().bundle).score(table, NOW)
    eligible = scored.eligible
    for families in (False, True):
        found = explain(trained().bundle, frame, families=families)
        assert isinstance(found, shap.Explanation)
        logit = found.base_values + found.values.sum(axis=1)  # noqa: PD011
        np.testing.assert_allclose(logit[eligible], scored.logit[eligible], atol=1e-9)
        assert found.shape[1] == len(found.feature_names)


def test_a_run_has_signature_dataset_seeds_and_kind(home):
    client = MlflowClient(tracking_uri(home, {}))
    model = client.get_model_version_by_alias("churn", "champion")
    run = client.get_run(model.run_id)
    assert run.inputs.dataset_inputs[0].dataset.digest == trained().bundle.provenance["data_fingerprint"][:32]
    # The seeds themselves, not their number.
    assert run.data.params["gbm.recent.seeds"] == run.data.params["gbm.historical.seeds"] == "0, 1"
    experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "reasons" in model.description
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    assert loaded.metadata.signature.inputs.input_names()[0] == "customer_id"


def test_a_run_has_its_slices_plots_example_and_tags(home):
    client = MlflowClient(tracking_uri(home, {}))
    model = client.get_model_version_by_alias("churn", "champion")
    run, evaluation = client.get_run(model.run_id), trained().bundle.evaluation
    assert run.data.metrics["served.auc"] == evaluation["served"]["auc"]
    assert [one.value for one in client.get_metric_history(model.run_id, "cutoff.auc")] == [
        fold["auc"] for fold in reversed(evaluation["slices"])
    ]
    assert sum(name.startswith("segment.") and name.endswith(".auc") for name in run.data.metrics) >= 2
    assert {one.path for one in client.list_artifacts(model.run_id, "figures")} >= {
        f"figures/{name}.png" for name in ("roc", "calibration", "gain", "beeswarm", "base_rate")
    }
    assert model.tags["horizon"] == run.data.tags["horizon"] == trained().bundle.horizon
    contexts = [tag.value for one in run.inputs.dataset_inputs for tag in one.tags if tag.key == "mlflow.data.context"]
    assert sorted(contexts) == ["evaluation", "training"]
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    example = loaded.input_example
    assert example["customer_id"].tolist() == ["example"]
    assert 0 < loaded.predict(example)["probability"][0] < 1


@pytest.mark.slow
def test_the_requirements_of_a_model_install_from_its_own_folder(home, tmp_path):
    assert home
    folder = Path(mlflow.artifacts.download_artifacts("models:/churn@champion", dst_path=str(tmp_path)))
    (wheel,) = (folder / "artifacts").glob("*.whl")
    requirements = (folder / "requirements.txt").read_text().splitlines()
    assert f"artifacts/{wheel.name}" in requirements
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    # Without an index: everything but the wheel is here already, in the pinned version.
    others = [line for line in requirements if not line.startswith("artifacts/")]
    subprocess.run([*pip, "--no-index", "--dry-run", "--no-deps", *others], cwd=folder, check=True)
    subprocess.run([*pip, "--no-index", "--no-deps", "--target", tmp_path / "site", wheel], cwd=folder, check=True)
    program = "import rapport.scoring; print(rapport.__path__[0])"
    environ = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    ran = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(tmp_path / "site" / "rapport")


def test_mlflow_evaluates_the_model_as_it_evaluates_any(home):
    assert home
    frame = people().to_pandas()
    frame = frame[frame["state"] == "active"].assign(churned=lambda one: one["days_since_last_order"] > 30)
    found = {}
    for kind, output in (("classifier", "label"), ("regressor", "probability")):
        config = {"model_config": {"output": output}, "evaluator_config": {"log_explainer": False}}
        frame["outcome"] = frame["churned"].astype(int if kind == "classifier" else float)
        # MLflow cannot digest the text columns of pandas 3; objects it can.
        rows = frame.drop(columns="churned").astype(dict.fromkeys(frame.select_dtypes("str"), object))
        found |= mlflow.models.evaluate(
            "models:/churn@champion", rows, targets="outcome", model_type=kind, **config
        ).metrics
    assert found["accuracy_score"] > 0.5
    assert 0 < found["root_mean_squared_error"] < 1
    with pytest.raises(BundleError, match="probability"):
        mlflow.pyfunc.load_model("models:/churn@champion", model_config={"output": "chance"})


def test_the_pyfunc_reads_its_own_csv_and_names_what_is_missing(home):
    assert home
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    frame = people().to_pandas()
    frame["customer_id"] = [str(1000 + row) for row in range(len(frame))]
    again = pd.read_csv(StringIO(frame.to_csv(index=False)))
    np.testing.assert_allclose(loaded.predict(again)["logit"], loaded.predict(frame)["logit"], atol=1e-6)
    lacking = trained().bundle.columns[3].name
    with pytest.raises(BundleError, match=lacking):
        loaded.predict(frame.drop(columns=[lacking]))


def test_after_a_promotion_the_champion_is_no_challenger(home):
    promote(home, "churn", "2", environ={}, now=AT, force=True)
    client = MlflowClient(tracking_uri(home, {}))
    assert set(client.get_registered_model("churn").aliases) == {"champion"}
    rollback(home, "churn", environ={}, now=AT)
    assert client.get_registered_model("churn").aliases == {"champion": 1, "challenger": 2}


def test_an_unreachable_server_is_found_before_the_work(tmp_path):
    check_reachable(tmp_path, {})
    with pytest.raises(RegistrationError, match="MLFLOW_TRACKING_URI"):
        check_reachable(tmp_path, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})


def test_a_model_is_kept_when_mlflow_fails_and_registered_later(tmp_path):
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    with pytest.raises(RegistrationError, match="rapport models register"):
        register(trained(), data_dir=tmp_path, environ=away, now=AT)
    assert list_models(tmp_path, "churn", environ={}).as_dict()["waiting"] == ["churn-1"]
    with pytest.raises(RegistrationError, match="MLFLOW_TRACKING_URI"):
        register_kept(tmp_path, environ=away, now=AT)
    ran = CliRunner().invoke(app, ["models", "register", "--data-dir", str(tmp_path), "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["registered"][0]["alias"] == "champion"
    assert Bundle.load(model_store.champion(tmp_path, "churn")).blend == trained().bundle.blend
    again = CliRunner().invoke(app, ["models", "register", "--data-dir", str(tmp_path)])
    assert again.stdout.strip() == "No model waits for its registration."


def test_a_promotion_goes_on_without_mlflow_and_says_so(home):
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    said = promote(home, "churn", "2", environ=away, now=AT, force=True).as_text()
    assert "rapport models register" in said
    assert model_store.champion_version(home, "churn") == "2"
    assert register_kept(home, environ={}, now=AT).as_dict()["aliases"] == ["churn"]
    assert set(MlflowClient(tracking_uri(home, {})).get_registered_model("churn").aliases) == {"champion"}

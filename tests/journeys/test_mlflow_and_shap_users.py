"""What users of MLflow and shap expect: signature, dataset, aliases, and explanations of the served number."""

from datetime import datetime
from functools import cache
from io import StringIO

import mlflow
import numpy as np
import pandas as pd
import pytest
import shap
from mlflow import MlflowClient
from training_world import ACTIVE, ASKED, NOW, company

from rapport.errors import BundleError, TrainingError
from rapport.features import snapshot
from rapport.scoring import Scorer
from rapport.training import explain, promote, register, train
from rapport.training.registry.mlflow_store import check_reachable, tracking_uri

AT = datetime(2026, 1, 2)


def polars_frame(table):
    return pytest.importorskip("polars").from_arrow(table)


@cache
def trained():
    return train(company(), "churn", **ASKED)


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
    assert any("seed" in name for name in run.data.params)
    experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert "reasons" in model.description
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    assert loaded.metadata.signature.inputs.input_names()[0] == "customer_id"


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
    aliases = MlflowClient(tracking_uri(home, {})).get_registered_model("churn").aliases
    assert set(aliases) == {"champion"}


def test_an_unreachable_server_is_found_before_the_work(tmp_path):
    check_reachable(tmp_path, {})
    with pytest.raises(TrainingError, match="MLFLOW_TRACKING_URI"):
        check_reachable(tmp_path, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})

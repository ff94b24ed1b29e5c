"""The life of a model: trained, registered, loaded by MLflow, promoted, rolled back, monitored, and killed runs."""

import json
import os
import re
import sqlite3
import sys
from dataclasses import replace
from datetime import datetime

import mlflow
import numpy as np
import pytest
import shap
from pydantic import TypeAdapter
from training_world import ACTIVE, ASKED, HORIZON, NOW, company, orders, trained

from rapport.errors import BundleError, PromotionError
from rapport.features import snapshot
from rapport.scoring import Bundle, Scorer
from rapport.scoring.models import model_store
from rapport.scoring.models.evaluation_record import EvaluationRecord, ProvenanceRecord
from rapport.scoring.models.interval import PredictionInterval
from rapport.training import backtest, list_models, monitor_champion, promote, prune, register, rollback, train
from rapport.training.registry.model_registry import sync_aliases
from rapport.training.timing.event_times import event_times

AT = datetime(2026, 1, 2)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for the whole life: a champion and two challengers."""
    place = tmp_path_factory.mktemp("home")
    for _ in range(3):
        register(trained(), data_dir=place, environ={}, now=AT)
    return place


def people():
    return snapshot(company(), NOW, trained().run.catalog, active=ACTIVE)


def test_training_twice_gives_the_same_numbers():
    again = train(company(), "churn", **ASKED)
    first, second = (Scorer(each.bundle).score(people(), NOW).probability for each in (trained(), again))
    np.testing.assert_array_equal(first, second)
    assert again.bundle.provenance == trained().bundle.provenance


@pytest.mark.parametrize(("entry", "declared"), [("evaluation", EvaluationRecord), ("record", ProvenanceRecord)])
def test_the_record_of_a_registered_model_is_what_its_type_declares(home, entry, declared):
    stored = model_store.description(home, "churn", "2")[entry]
    read = TypeAdapter(declared).validate_python(stored, strict=True)
    assert read == stored


def test_the_blend_is_better_than_the_base_rate_and_ranks_like_its_members():
    measured = trained().bundle.evaluation["measures"]
    assert measured["blend"]["log_loss"] < measured["base_rate"]["log_loss"]
    assert measured["blend"]["auc"] > measured["recency"]["auc"] - 0.02


def test_what_happens_after_the_cutoff_changes_no_prediction():
    cutoff = datetime(2025, 8, 1)
    rows = [row for row in orders() if row["ordered_at"] < cutoff]
    past = company(rows)
    asked = {"cutoff": cutoff, "horizon": HORIZON, "active": ACTIVE}
    told = [backtest(history, "churn", **asked).sort_by("customer_id") for history in (company(), past)]
    assert told[0].equals(told[1])


def test_event_times_are_those_of_the_orders_and_agree_with_the_labels():
    run = trained().run
    times = event_times(run.history, run.task, run.dataset, NOW)
    placed = {}
    for row in orders():
        placed.setdefault(row["customer_id"], []).append(row["ordered_at"])
    for row in range(0, len(run.dataset), 37):
        cutoff = run.dataset.cutoffs[run.dataset.cutoff_index[row]]
        later = [at for at in placed[run.dataset.customer_ids[row]] if cutoff <= at < NOW]
        end = min(later, default=NOW)
        assert times.happened[row] == bool(later)
        assert abs(times.days[row] - (end - cutoff).total_seconds() / 86400) < 1e-6
        assert (times.days[row] >= 90) == (run.dataset.label[row] == 1)


def test_the_timing_is_the_shape_with_the_least_integrated_brier_score_and_agrees_with_the_score():
    bundle, rows = trained().bundle, trained().run.current
    scores = bundle.timing.evaluation["integrated_brier"]
    assert {"constant", "bg_nbd", "trees"} == scores.keys()
    assert bundle.timing.shape == min(scores, key=scores.get)
    assert 0 < scores[bundle.timing.shape] < 0.25
    logits = bundle.logit(rows)
    chances = bundle.timing.chances(logits, rows, [30, 90, 400], 90.0, bundle.members)
    assert np.abs(chances[:, 1] - 1 / (1 + np.exp(-logits))).max() < 1e-9
    assert (np.diff(chances, axis=1) <= 0).all()


def test_the_interval_of_the_rate_is_narrower_than_that_of_one_customer_and_agrees_with_past_rates():
    measured = trained().bundle.evaluation["interval"]
    assert 0 < measured["median_width"] < 0.8 * measured["median_width_of_one_customer"]
    assert measured["groups"] > 0
    assert 0.7 <= measured["coverage_of_groups"] <= 1
    loaded = trained().bundle.individual
    assert PredictionInterval.from_dict(json.loads(json.dumps(loaded.to_dict()))) == loaded


def test_the_spend_model_with_the_least_error_on_later_cutoffs_is_served():
    measured = trained().bundle.evaluation["spend"]
    errors = measured["errors"]
    assert {"as_last_year", "gamma_gamma"} <= errors.keys()
    assert measured["shape"] == min(errors, key=errors.get)
    assert measured["mean_error"] == errors[measured["shape"]]
    assert (trained().bundle.spend_model.gamma_gamma is not None) == (measured["shape"] == "gamma_gamma")


def test_the_summary_says_how_intervals_timing_and_spend_were_checked():
    text = trained().as_text()
    assert re.search(r"Interval of a rate: median width 0\.\d+ \(one customer: 0\.\d+\); \d+% of \d+ groups", text)
    assert re.search(r"Timing of order: \w+, observed for \d+ days\. Integrated Brier score: constant 0\.\d+", text)
    assert re.search(
        r"Spend if retained, mean error: as last year [\d.,]+; a share of last year .*Served: [\w\-/ ]+\.", text
    )


def test_the_first_model_is_champion_and_the_next_a_challenger(home):
    listed = list_models(home, "churn", environ={}).as_dict()["models"]
    assert [(each["version"], each["alias"]) for each in listed] == [("1", "champion"), ("2", ""), ("3", "challenger")]


def test_an_old_version_that_never_answered_leaves_the_store_and_mlflow_with_its_artifacts(tmp_path):
    model_store.publish(trained().bundle.save(tmp_path / "first"), tmp_path, "churn", "1")
    model_store.set_champion(tmp_path, "churn", "1", AT)
    register(trained(), data_dir=tmp_path, environ={}, now=AT)
    # A bundle that a script made says nothing of its making, and is listed all the same.
    model_store.publish(replace(trained().bundle, provenance={}).save(tmp_path / "third"), tmp_path, "churn", "3")
    listed = list_models(tmp_path, "churn", environ={}).as_dict()["models"]
    assert [(each["version"], each["as_of"][:4]) for each in listed] == [("1", "2026"), ("2", "2026"), ("3", "")]
    assert prune(tmp_path, "churn", 2, environ={}, now=AT).as_dict()["removed"] == []
    assert artifacts(tmp_path) == [1, 1]
    assert prune(tmp_path, "churn", 1, environ={}, now=AT).as_dict()["removed"] == ["2"]
    assert (model_store.versions(tmp_path, "churn"), artifacts(tmp_path)) == (["1", "3"], [0, 0])
    assert mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_model_versions("name='churn'") == []
    assert prune(tmp_path, "churn", 0, environ={}, now=AT).as_dict()["removed"] == ["3"], "a champion stays"


def artifacts(home):
    """Return how many models and reports MLflow holds."""
    return [len(list((home / "mlflow-artifacts").rglob(name))) for name in ("MLmodel", "evaluation.json")]


def test_mlflow_returns_the_scores_of_the_scorer_to_the_last_digit(home, monkeypatch):
    # MLflow writes the address into the environment, where later tests would find it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    mlflow.set_registry_uri(f"sqlite:///{home / 'mlflow.db'}")
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    scored = Scorer(Bundle.load(model_store.champion(home, "churn"))).score(people(), NOW)
    said = loaded.predict(people().to_pandas())
    np.testing.assert_array_equal(said["probability"].to_numpy(), scored.probability)
    assert said["customer_id"].tolist() == scored.customer_id.tolist()


def test_a_challenger_is_promoted_by_its_gates_and_rolled_back_in_one_step(home):
    promoted = promote(home, "churn", "2", environ={}, now=AT).as_text()
    assert "churn 2 is the champion now; before: 1." in promoted
    assert "of version 1's" in promoted
    with pytest.raises(PromotionError, match=r"not compared with the champion, version 2\. Train again to compare"):
        promote(home, "churn", "3", environ={}, now=AT)
    assert "churn 1 is the champion again, instead of 2" in rollback(home, "churn", environ={}, now=AT).as_text()
    with pytest.raises(BundleError, match="so a rollback is not possible"):
        rollback(home, "churn", environ={}, now=AT)


def test_the_report_works_offline(home):
    page = next(home.glob("mlflow-artifacts/**/report.html")).read_text("utf-8")
    assert "data:image/png;base64," in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_shap_library_agrees_with_the_evidence_of_the_trees():
    member = next(member for member in trained().bundle.members if member.name == "many")
    rows = trained().run.current
    places = [rows.positions[name] for name in member.features]
    theirs = np.mean(
        [shap.TreeExplainer(booster).shap_values(rows.values[:, places]) for booster in member.loaded], axis=0
    )
    ours = member.contributions(rows).by_feature[:, places]
    np.testing.assert_allclose(ours, theirs - theirs.mean(axis=0), atol=1e-6)


def test_monitoring_reports_drift_and_when_outcomes_mature(home):
    found = monitor_champion(company(), home, "churn", as_of=NOW)
    assert found.as_dict()["score_psi"] < 0.1
    # No run was published here, so none is reported, whatever the champion would have said.
    assert found.as_dict()["matured"] is None
    assert "No scoring run is stored" in found.as_text()
    assert "尚未保存任何评分" in found.as_html("zh")


MOMENTS = (1, 9, 22, 40, 90)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_at_any_moment_leaves_the_champion_and_the_next_run_works(home, moment):
    before = model_store.champion_version(home, "churn")
    child = os.fork()
    if child == 0:
        _killed_at(moment)
        register(trained(), data_dir=home, environ={}, now=AT)
        os._exit(0)
    os.waitpid(child, 0)
    assert model_store.champion_version(home, "churn") == before
    Bundle.load(model_store.champion(home, "churn"))
    for version in model_store.versions(home, "churn"):
        Bundle.load(home / "models" / "churn" / version)
    with sqlite3.connect(home / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_after_killed_runs_a_run_is_registered_and_aliases_follow_the_model_store(home):
    kept = register(trained(), data_dir=home, environ={}, now=AT).as_dict()
    assert kept["version"] == model_store.versions(home, "churn")[-1]
    assert sync_aliases(home, environ={}) == []


def _killed_at(moment):
    """Make this process vanish at the ``moment``-th file or database that it writes, renames or opens for writing."""
    left = [moment]

    def hook(event, arguments):
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if writes or event in ("os.rename", "os.link", "os.mkdir", "os.remove", "sqlite3.connect", "shutil.copyfile"):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)

    sys.addaudithook(hook)

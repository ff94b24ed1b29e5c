"""Hot reload: a new model or snapshot replaces the old one as a whole; a damaged one is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import mlflow
import numpy as np
import pytest
from serving_world import (
    AS_OF,
    MONTH_BEFORE,
    NOW,
    copy_home,
    history_body,
    make_bundle,
    publish,
    served,
    stored_answers,
)

from rapport.durations import parse_duration
from rapport.errors import BundleError
from rapport.features import snapshot
from rapport.scoring import build_answers
from rapport.scoring.models import model_store
from rapport.scoring.models.scorer import Scorer
from rapport.serving.snapshots.live_model import catalog_of
from rapport.serving.snapshots.reloader import Reloader
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.snapshots.store import published_run_name, write_run
from rapport.serving.snapshots.table_files import write_table
from rapport.training.registry.mlflow_run import MODEL_CODE


@pytest.fixture
def home(company, tmp_path):
    """A data folder that the test may change."""
    copy_home(company, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def second(company):
    """Another model of the same target with other scores."""
    return make_bundle(company.history, "churn", "2", trees=12, seed=5)


def publish_snapshot(company, home, as_of):
    return run_scoring(company.history, home, "churn", as_of=as_of, now=NOW, progress=lambda *_: None)


def test_a_promotion_and_a_rollback_replace_all_answers(home, second, tmp_path, active):
    reloader = Reloader(home, "churn")
    assert reloader.reload() == "loaded"
    before = stored_answers(reloader.live_model, active, 3)
    publish(home, second, tmp_path)
    assert reloader.reload() == "loaded"
    after = stored_answers(reloader.live_model, active, 3)
    assert {answer.model.version for answer in after} == {"2"}
    assert reloader.status()["rescored"] is True
    assert [one.probability for one in after] != [one.probability for one in before]
    model_store.rollback(home, "churn", NOW)
    assert reloader.reload() == "loaded"
    assert stored_answers(reloader.live_model, active, 3) == before


def test_the_next_snapshot_after_a_promotion_repeats_the_rescored_answers(company, home, second, tmp_path, active):
    publish(home, second, tmp_path)
    reloader = Reloader(home, "churn")
    reloader.reload()
    answered = stored_answers(reloader.live_model, active, 5)
    publish_snapshot(company, home, AS_OF)
    assert reloader.reload() == "loaded"
    assert reloader.status()["rescored"] is False
    assert stored_answers(reloader.live_model, active, 5) == answered


def test_a_damaged_bundle_is_refused_and_the_old_model_answers(home, second, tmp_path, active):
    reloader = Reloader(home, "churn")
    reloader.reload()
    before = stored_answers(reloader.live_model, active[:5], 3)
    publish(home, second, tmp_path)
    booster = next((home / "models/churn/2").glob("*.txt"))
    booster.write_text(booster.read_text()[:-200])
    assert reloader.reload() == "refused"
    assert booster.name in reloader.refusal
    assert stored_answers(reloader.live_model, active[:5], 3) == before
    assert reloader.reload() == ""


def test_a_damaged_snapshot_is_refused_and_the_old_one_answers(company, home, active):
    reloader = Reloader(home, "churn")
    reloader.reload()
    before = stored_answers(reloader.live_model, active[:5], 3)
    later = publish_snapshot(company, home, AS_OF + timedelta(days=1))
    (later.run.folder / "scores.arrow").write_bytes(b"cut short")
    assert reloader.reload() == "refused"
    assert stored_answers(reloader.live_model, active[:5], 3) == before


def test_a_refused_reload_is_in_readyz_and_metrics(home, second, tmp_path):
    with served(home, keys=False) as client:
        publish(home, second, tmp_path)
        (home / "models/churn/2/bundle.json").write_text("{")
        for _ in range(100):
            if refusal := client.get("/readyz").json()["targets"]["churn"]["refused"]:
                break
            threading.Event().wait(0.1)
        assert "bundle.json" in refusal
        assert client.get("/readyz").json()["targets"]["churn"]["version"] == "1"
        assert 'rapport_reloads_total{outcome="refused",target="churn"} 1.0' in client.get("/metrics").text


def test_no_request_fails_or_mixes_models_during_reloads(company, home, second, tmp_path, active):
    versions = {}
    for bundle in (company.bundle, second):
        if bundle is second:
            publish(home, bundle, tmp_path)
        reloader = Reloader(home, "churn")
        reloader.reload()
        versions[bundle.version] = [answer.probability for answer in stored_answers(reloader.live_model, active, 0)]
    ended = threading.Event()

    seen = set()

    def promote():
        # At least six times, and on a busy machine until both have answered.
        for turn in range(400):
            model_store.set_champion(home, "churn", "12"[turn % 2], NOW)
            threading.Event().wait(0.25)
            if turn >= 5 and len(seen) == 2:
                break
        ended.set()

    with served(home, keys=False) as client, ThreadPoolExecutor(1) as pool:
        pool.submit(promote)
        while not ended.is_set():
            response = client.post("/v1/score", json={"customer_ids": active, "reasons": 0})
            answers = response.json()["answers"]
            [version] = {answer["model"]["version"] for answer in answers}
            assert [answer["probability"] for answer in answers] == versions[version]
            seen.add(version)
    assert seen == {"1", "2"}


def test_http_equals_batch_and_notebook_also_after_reloads(company, home, second, tmp_path, active):
    snapshots = ((company.bundle, AS_OF), (second, AS_OF), (second, AS_OF + timedelta(days=1)))
    with served(home, keys=False) as client:
        for bundle, as_of in snapshots:
            _moved_to(home, bundle, as_of, company, tmp_path)
            _wait_for(client, bundle.version, as_of)
            batch = _batch(company, bundle, as_of)
            body = {"customer_ids": sorted(batch)[:1000], "reasons": 5, "language": "en"}
            answers = client.post("/v1/score", json=body).json()["answers"]
            assert _shared(answers) == [batch[one] for one in sorted(batch)[:1000]]
            posted = {"as_of": as_of.isoformat(), "histories": [history_body(company, one) for one in active[:6]]}
            answers = client.post("/v1/score_history", json=posted | {"language": "en"}).json()["answers"]
            assert _shared(answers) == [batch[one] for one in active[:6]]
            told = _notebook(home, company, bundle, as_of, tmp_path)
            assert {one: told[one] for one in active} == {one: batch[one]["probability"] for one in active}


def _moved_to(home, bundle, as_of, company, beside):
    if bundle.version != model_store.champion_version(home, "churn"):
        publish(home, bundle, beside)
    if as_of > AS_OF:
        publish_snapshot(company, home, as_of)


def _wait_for(client, version, as_of):
    for _ in range(200):
        about = client.get("/readyz").json()["targets"]["churn"]
        if (about["version"], about["as_of"]) == (version, as_of.isoformat()):
            return
        threading.Event().wait(0.05)
    pytest.fail(f"version {version} of {as_of} was not loaded: {about}")


def _features(company, bundle, as_of):
    return snapshot(company.history, as_of, catalog_of(bundle), active=parse_duration("12mo"), rule=bundle.rule)


def _batch(company, bundle, as_of):
    answers = build_answers(Scorer(bundle).score(_features(company, bundle, as_of), as_of), 5, "en")
    dicts = (answer.as_dict() for answer in answers)
    return {one["customer_id"]: one | {"reasons": _unadvised(one["reasons"])} for one in dicts}


# What the service adds to a model's answer: cards, money and the position on the lists.
ADDED = {
    *("assumptions", "at_risk_threshold", "cards", "clv_1y", "clv_3y", "clv_5y", "contact_effect"),
    *("contact_effect_source", "expected_revenue"),
    *("health", "list", "revenue_at_risk", "revenue_at_risk_high", "revenue_at_risk_low", "rfm", "risk_band"),
    *("savable", "spend_if_retained", "win_back_value"),
}


def _shared(answers):
    """Return the answers without what the service adds; every other field is compared to the last digit."""
    assert all(set(answer) >= ADDED for answer in answers)
    kept = ({name: value for name, value in answer.items() if name not in ADDED} for answer in answers)
    return [one | {"reasons": _unadvised(one["reasons"])} for one in kept]


def _unadvised(reasons):
    """Return the reasons without their advice, which the service takes from the company's playbook."""
    return [{name: value for name, value in reason.items() if name != "advice"} for reason in reasons]


def _notebook(home, company, bundle, as_of, beside):
    place = beside / f"pyfunc-{bundle.version}-{as_of:%d}"
    served_as, folder = (
        str(MODEL_CODE),
        str(home / "models/churn" / bundle.version),
    )
    mlflow.pyfunc.save_model(place, python_model=served_as, artifacts={"bundle": folder}, pip_requirements=["lightgbm"])
    told = mlflow.pyfunc.load_model(str(place)).predict(_features(company, bundle, as_of).to_pandas())
    return dict(zip(told["customer_id"], told["probability"], strict=True))


def test_a_killed_run_leaves_the_last_snapshot_published(company, home, monkeypatch):
    before = published_run_name(home, "churn")
    monkeypatch.setattr("rapport.serving.snapshots.scoring_run.write_contract_rows", _killed)
    with pytest.raises(KeyboardInterrupt):
        publish_snapshot(company, home, AS_OF + timedelta(days=1))
    assert published_run_name(home, "churn") == before
    assert not [path for path in (home / "scores/churn/runs").iterdir() if path.name.startswith(".")]
    reloader = Reloader(home, "churn")
    assert reloader.reload() == "loaded"


def _killed(*_):
    raise KeyboardInterrupt


def test_a_past_cutoff_is_archived_but_not_published(company, home):
    before = published_run_name(home, "churn")
    publish_snapshot(company, home, MONTH_BEFORE - timedelta(days=30))
    assert published_run_name(home, "churn") == before
    assert (home / "scores/churn/history/2026-09-01.parquet").is_file()


def test_a_change_separates_a_new_model_from_new_facts(company, home, second, tmp_path, active):
    with served(home, keys=False) as client:
        publish(home, second, tmp_path)
        publish_snapshot(company, home, AS_OF)
        told = []
        for one in active[:40]:
            body = {"customer_id": one, "from": "2026-10-01", "to": "2026-11-01"}
            response = client.post("/v1/change", json=body)
            if response.status_code == 200:
                told.append(response.json())
    assert len(told) > 20
    for one in told:
        assert (one["model_before"], one["model_after"]) == ("1", "2")
        assert "model" in {part["kind"] for part in one["parts"]}
        moved = sum(part["points"] for part in one["parts"])
        np.testing.assert_allclose(moved, one["after"] - one["before"], atol=1e-9)


def test_nothing_scored_is_not_ready_with_the_command_to_run(company, tmp_path):
    with served(tmp_path, keys=False) as client:
        assert client.get("/readyz").status_code == 503
        response = client.post("/v1/score", json={"customer_ids": ["x"]})
        assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
        assert response.headers["retry-after"]
    model_store.publish(company.home / "models/churn/1", tmp_path, "churn", "1")
    model_store.set_champion(tmp_path, "churn", "1", NOW)
    with served(tmp_path, keys=False) as client:
        body = {"as_of": "2026-11-01", "histories": [{"customer": {"customer_id": "a", "created_at": "2026-05-01"}}]}
        assert client.post("/v1/score_history", json=body).status_code == 200
        refusal = client.post("/v1/score", json={"customer_ids": ["x"]})
        assert "rapport score" in refusal.json()["error"]["message"]


def test_a_version_is_never_overwritten(company, home, tmp_path):
    with pytest.raises(BundleError, match="never overwritten"):
        publish(home, company.bundle, tmp_path)


def test_two_runs_of_one_moment_do_not_collide(company, home):
    first, again = publish_snapshot(company, home, AS_OF), publish_snapshot(company, home, AS_OF)
    assert first.run.folder != again.run.folder
    assert datetime.fromisoformat(again.run.manifest.as_of) == AS_OF
    features = again.run.table("features")
    run = write_run(home, again.run.manifest, {}, lambda folder: write_table(folder / "features.arrow", features))
    assert published_run_name(home, "churn") == run.folder.name

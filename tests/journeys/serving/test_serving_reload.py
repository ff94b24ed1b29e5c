"""A new model or a new night is taken up whole; a bad one is refused and the old one stays."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import mlflow
import numpy as np
import pytest
import rapport.training
from rapport.features import snapshot
from rapport.scoring import shelf
from rapport.scoring.scorer import Scorer
from rapport.serving.current import Watch, catalog_of
from rapport.serving.nightly import score_history
from rapport.serving.store import pointer, write_run
from world_of_serving import AS_OF, MONTH_BEFORE, NOW, history_body, make_bundle, publish, served

from rapport.durations import parse_span
from rapport.errors import BundleError


@pytest.fixture
def home(company, tmp_path):
    """A home of its own that a test may change."""
    shutil.copytree(company.home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def second(company):
    """Another model of the same target, which says other numbers."""
    return make_bundle(company.history, "churn", "2", trees=12, seed=5)


def night(company, home, as_of):
    return score_history(company.history, home, "churn", as_of=as_of, now=NOW, progress=lambda *_: None)


def test_a_promotion_is_answered_whole_and_a_rollback_too(home, second, tmp_path, active):
    watch = Watch(home, "churn")
    assert watch.look() == "taken"
    before = watch.current.answers(active, 3, "en")
    publish(home, second, tmp_path)
    assert watch.look() == "taken"
    after = watch.current.answers(active, 3, "en")
    assert {answer.model.version for answer in after} == {"2"}
    assert watch.about()["rescored"] is True
    assert [one.probability for one in after] != [one.probability for one in before]
    shelf.rollback(home, "churn", NOW)
    assert watch.look() == "taken"
    assert watch.current.answers(active, 3, "en") == before


def test_after_a_promotion_the_next_night_says_what_was_answered(company, home, second, tmp_path, active):
    publish(home, second, tmp_path)
    watch = Watch(home, "churn")
    watch.look()
    answered = watch.current.answers(active, 5, "en")
    night(company, home, AS_OF)
    assert watch.look() == "taken"
    assert watch.about()["rescored"] is False
    assert watch.current.answers(active, 5, "en") == answered


def test_a_damaged_bundle_is_refused_and_the_old_one_answers(home, second, tmp_path, active):
    watch = Watch(home, "churn")
    watch.look()
    before = watch.current.answers(active[:5], 3, "en")
    publish(home, second, tmp_path)
    booster = next((home / "models/churn/2").glob("*.txt"))
    booster.write_text(booster.read_text()[:-200])
    assert watch.look() == "refused"
    assert booster.name in watch.refused
    assert watch.current.answers(active[:5], 3, "en") == before
    assert watch.look() == ""


def test_a_damaged_night_is_refused_and_the_old_one_answers(company, home, active):
    watch = Watch(home, "churn")
    watch.look()
    before = watch.current.answers(active[:5], 3, "en")
    later = night(company, home, AS_OF + timedelta(days=1))
    (later.run.folder / "scores.arrow").write_bytes(b"cut short")
    assert watch.look() == "refused"
    assert watch.current.answers(active[:5], 3, "en") == before


def test_a_refusal_is_seen_in_health_and_metrics(home, second, tmp_path):
    with served(home, keys=False) as client:
        publish(home, second, tmp_path)
        (home / "models/churn/2/bundle.json").write_text("{")
        for _ in range(100):
            if refused := client.get("/readyz").json()["targets"]["churn"]["refused"]:
                break
            threading.Event().wait(0.1)
        assert "bundle.json" in refused
        assert client.get("/readyz").json()["targets"]["churn"]["version"] == "1"
        assert 'rapport_reloads_total{outcome="refused",target="churn"} 1.0' in client.get("/metrics").text


def test_no_request_fails_or_mixes_models_while_models_come_and_go(company, home, second, tmp_path, active):
    versions = {}
    for bundle in (company.bundle, second):
        if bundle is second:
            publish(home, bundle, tmp_path)
        watch = Watch(home, "churn")
        watch.look()
        versions[bundle.version] = [answer.probability for answer in watch.current.answers(active, 0, "en")]
    ended = threading.Event()

    def promote():
        for turn in range(6):
            shelf.crown(home, "churn", "12"[turn % 2], NOW)
            threading.Event().wait(0.25)
        ended.set()

    seen = set()
    with served(home, keys=False) as client, ThreadPoolExecutor(1) as pool:
        pool.submit(promote)
        while not ended.is_set():
            response = client.post("/v1/score", json={"customer_ids": active, "reasons": 0})
            answers = response.json()["answers"]
            [version] = {answer["model"]["version"] for answer in answers}
            assert [answer["probability"] for answer in answers] == versions[version]
            seen.add(version)
    assert seen == {"1", "2"}


def test_http_says_what_batch_and_notebook_say_also_through_reloads(company, home, second, tmp_path, active):
    nights = ((company.bundle, AS_OF), (second, AS_OF), (second, AS_OF + timedelta(days=1)))
    with served(home, keys=False) as client:
        for bundle, as_of in nights:
            _moved_to(home, bundle, as_of, company, tmp_path)
            _wait_for(client, bundle.version, as_of)
            batch = _batch(company, bundle, as_of)
            body = {"customer_ids": sorted(batch)[:1000], "reasons": 5, "language": "en"}
            assert client.post("/v1/score", json=body).json()["answers"] == [batch[one] for one in sorted(batch)[:1000]]
            posted = {"as_of": as_of.isoformat(), "histories": [history_body(company, one) for one in active[:6]]}
            answers = client.post("/v1/score_history", json=posted | {"language": "en"}).json()["answers"]
            assert answers == [batch[one] for one in active[:6]]
            told = _notebook(home, company, bundle, as_of, tmp_path)
            assert {one: told[one] for one in active} == {one: batch[one]["probability"] for one in active}


def _moved_to(home, bundle, as_of, company, beside):
    if bundle.version != shelf.champion_version(home, "churn"):
        publish(home, bundle, beside)
    if as_of > AS_OF:
        night(company, home, as_of)


def _wait_for(client, version, as_of):
    for _ in range(200):
        about = client.get("/readyz").json()["targets"]["churn"]
        if (about["version"], about["as_of"]) == (version, as_of.isoformat()):
            return
        threading.Event().wait(0.05)
    pytest.fail(f"version {version} of {as_of} was not taken up: {about}")


def _features(company, bundle, as_of):
    return snapshot(company.history, as_of, catalog_of(bundle), active=parse_span("12mo"), rule=bundle.rule)


def _batch(company, bundle, as_of):
    answers = Scorer(bundle).score(_features(company, bundle, as_of), as_of).answers(5, "en")
    return {answer.customer_id: answer.as_dict() for answer in answers}


def _notebook(home, company, bundle, as_of, beside):
    place = beside / f"pyfunc-{bundle.version}-{as_of:%d}"
    served_as, folder = (
        str(Path(rapport.training.__file__).with_name("served.py")),
        str(home / "models/churn" / bundle.version),
    )
    mlflow.pyfunc.save_model(place, python_model=served_as, artifacts={"bundle": folder}, pip_requirements=["lightgbm"])
    told = mlflow.pyfunc.load_model(str(place)).predict(_features(company, bundle, as_of).to_pandas())
    return dict(zip(told["customer_id"], told["probability"], strict=True))


def test_a_killed_run_leaves_the_last_good_night_in_place(company, home, monkeypatch):
    before = pointer(home, "churn")
    monkeypatch.setattr("rapport.serving.store._write_arrow", _killed)
    with pytest.raises(KeyboardInterrupt):
        night(company, home, AS_OF + timedelta(days=1))
    assert pointer(home, "churn") == before
    assert not [path for path in (home / "scores/churn/runs").iterdir() if path.name.startswith(".")]
    watch = Watch(home, "churn")
    assert watch.look() == "taken"


def _killed(*_):
    raise KeyboardInterrupt


def test_a_cutoff_of_the_past_fills_the_history_but_does_not_answer(company, home):
    before = pointer(home, "churn")
    night(company, home, MONTH_BEFORE - timedelta(days=30))
    assert pointer(home, "churn") == before
    assert (home / "scores/churn/history/2026-09-01.parquet").is_file()


def test_a_change_of_model_is_told_apart_from_new_facts(company, home, second, tmp_path, active):
    with served(home, keys=False) as client:
        publish(home, second, tmp_path)
        night(company, home, AS_OF)
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
    shelf.publish(company.home / "models/churn/1", tmp_path, "churn", "1")
    shelf.crown(tmp_path, "churn", "1", NOW)
    with served(tmp_path, keys=False) as client:
        body = {"as_of": "2026-11-01", "histories": [{"customer": {"customer_id": "a", "created_at": "2026-05-01"}}]}
        assert client.post("/v1/score_history", json=body).status_code == 200
        refused = client.post("/v1/score", json={"customer_ids": ["x"]})
        assert "rapport score" in refused.json()["error"]["message"]


def test_a_version_is_never_written_over(company, home, tmp_path):
    with pytest.raises(BundleError, match="never written over"):
        publish(home, company.bundle, tmp_path)


def test_two_nights_of_one_moment_do_not_meet(company, home):
    first, again = night(company, home, AS_OF), night(company, home, AS_OF)
    assert first.run.folder != again.run.folder
    assert datetime.fromisoformat(again.run.manifest.as_of) == AS_OF
    run = write_run(home, again.run.manifest, {"features": again.run.table("features")}, {})
    assert pointer(home, "churn") == run.folder.name

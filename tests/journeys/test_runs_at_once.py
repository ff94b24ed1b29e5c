"""Simultaneous runs in one data folder: trainings, a scoring run, and a run that holds its lock."""

import threading
from datetime import datetime
from functools import cache, partial

import pytest
from fresh_processes import together
from mlflow import MlflowClient
from training_world import ASKED, company, orders

from rapport.errors import BusyError
from rapport.locks import exclusive
from rapport.progress import no_progress
from rapport.scoring import Bundle
from rapport.scoring.models import model_store
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.serving.snapshots.store import archived_days, published_run
from rapport.training import register, train
from rapport.training.registry.mlflow_store import tracking_uri

AT = datetime(2026, 1, 2)
pytestmark = pytest.mark.slow
CUSTOMERS = 80
CUTOFFS = tuple(datetime(2025, 12, day) for day in (1, 2, 3))


@cache
def trained():
    return train(company(orders(CUSTOMERS)), "churn", **ASKED)


def keep(home):
    register(trained(), data_dir=home, environ={}, now=AT)


def publish_snapshot(home, as_of):
    run_scoring(company(orders(CUSTOMERS)), home, "churn", as_of=as_of, now=AT, progress=no_progress)


def test_simultaneous_trainings_are_all_registered_and_the_first_is_champion(tmp_path):
    assert together(*[partial(keep, tmp_path)] * 3, prepare=trained) == [0] * 3
    assert model_store.versions(tmp_path, "churn") == ["1", "2", "3"]
    assert [reign.version for reign in model_store.history(tmp_path, "churn")] == ["1"]
    uri = tracking_uri(tmp_path, {})
    # Without the second one it would ask the registry that an earlier test has left to this process.
    client = MlflowClient(uri, uri)
    registered = client.search_model_versions("name='churn'")
    assert sorted(each.tags["bundle_version"] for each in registered) == ["1", "2", "3"]
    aliases = client.get_registered_model("churn").aliases
    assert {alias: str(version) for alias, version in aliases.items()} == {"champion": "1", "challenger": "3"}


def test_simultaneous_runs_and_trainings_leave_the_newest_snapshot_published(tmp_path):
    keep(tmp_path)
    codes = together(
        partial(keep, tmp_path),
        *(partial(publish_snapshot, tmp_path, as_of) for as_of in (*reversed(CUTOFFS), CUTOFFS[0])),
        prepare=trained,
    )
    assert codes == [0] * 5
    answering = published_run(tmp_path, "churn")
    assert answering.manifest.as_of == CUTOFFS[-1].isoformat()
    assert answering.table("scores").num_rows == answering.manifest.rows > 0
    assert archived_days(tmp_path, "churn") == [f"{as_of:%Y-%m-%d}" for as_of in CUTOFFS]
    assert [Bundle.load(tmp_path / "models" / "churn" / version).version for version in "12"] == ["1", "2"]


def test_a_run_that_holds_the_lock_is_named(tmp_path):
    with (
        exclusive(tmp_path, "models", "keeping its churn model", now=AT),
        pytest.raises(BusyError, match=r"keeping its churn model \(process \d+, since 2026-01-02 00:00\)"),
        exclusive(tmp_path, "models", "promoting churn 2", now=AT, timeout=0.3),
    ):
        pass


def test_a_waiting_run_names_the_other_and_continues_when_it_ends(tmp_path):
    told, held, done = [], threading.Event(), threading.Event()

    def hold():
        with exclusive(tmp_path, "models", "keeping its conversion model", now=AT):
            held.set()
            done.wait(10)

    first = threading.Thread(target=hold)
    first.start()
    held.wait(10)

    def report(message, _share):
        told.append(message)
        done.set()

    with exclusive(tmp_path, "models", "keeping its churn model", now=AT, progress=report):
        first.join(10)
    assert "keeping its conversion model" in told[0]

"""Runs that meet in one home: trainings side by side, a night beside them, and one that does not let go."""

import multiprocessing
import threading
from datetime import datetime
from functools import cache

import pytest
from mlflow import MlflowClient
from rapport.scoring import Bundle, shelf
from rapport.serving.nightly import score_history
from rapport.serving.store import current_run, kept_days
from rapport.training import record, train
from rapport.training.recipe import silent
from rapport.training.store import tracking_uri
from training_world import ASKED, company

from rapport.errors import BusyError
from rapport.locks import alone

AT = datetime(2026, 1, 2)
NIGHTS = tuple(datetime(2025, 12, day) for day in (1, 2, 3))
# Forked, so that MLflow is imported and the model trained once.
START = multiprocessing.get_context("fork")


@cache
def trained():
    return train(company(), "churn", **ASKED)


def together(*works):
    """Run each piece of work in a process of its own, all from the same moment on."""
    gate = START.Barrier(len(works))

    def run(work):
        gate.wait()
        work()

    children = [START.Process(target=run, args=(work,)) for work in works]
    for child in children:
        child.start()
    for child in children:
        child.join(240)
    assert [child.exitcode for child in children] == [0] * len(works)


def keep(home):
    return lambda: record(trained(), home=home, environ={}, now=AT)


def night(home, as_of):
    return lambda: score_history(company(), home, "churn", as_of=as_of, now=AT, progress=silent)


def test_trainings_that_end_at_once_are_all_kept_and_the_first_is_champion(tmp_path):
    trained()
    together(*[keep(tmp_path)] * 3)
    assert shelf.versions(tmp_path, "churn") == ["1", "2", "3"]
    assert [reign.version for reign in shelf.history(tmp_path, "churn")] == ["1"]
    uri = tracking_uri(tmp_path, {})
    # Without the second one it would ask the registry that an earlier test has left to this process.
    client = MlflowClient(uri, uri)
    registered = client.search_model_versions("name='churn'")
    assert sorted(each.tags["bundle_version"] for each in registered) == ["1", "2", "3"]
    aliases = client.get_registered_model("churn").aliases
    assert {alias: str(version) for alias, version in aliases.items()} == {"champion": "1", "challenger": "3"}


def test_nights_and_trainings_beside_each_other_leave_the_newest_night_answering(tmp_path):
    keep(tmp_path)()
    together(keep(tmp_path), *(night(tmp_path, as_of) for as_of in reversed(NIGHTS)), night(tmp_path, NIGHTS[0]))
    answering = current_run(tmp_path, "churn")
    assert answering.manifest.as_of == NIGHTS[-1].isoformat()
    assert answering.table("scores").num_rows == answering.manifest.rows > 0
    assert kept_days(tmp_path, "churn") == [f"{as_of:%Y-%m-%d}" for as_of in NIGHTS]
    assert [Bundle.load(tmp_path / "models" / "churn" / version).version for version in "12"] == ["1", "2"]


def test_a_run_that_does_not_let_go_is_named(tmp_path):
    with (
        alone(tmp_path, "models", "keeping its churn model", now=AT),
        pytest.raises(BusyError, match=r"keeping its churn model \(process \d+, since 2026-01-02 00:00\)"),
        alone(tmp_path, "models", "promoting churn 2", now=AT, patience=0.3),
    ):
        pass


def test_whoever_waits_is_told_for_whom_and_goes_on_when_it_has_ended(tmp_path):
    told, held, done = [], threading.Event(), threading.Event()

    def hold():
        with alone(tmp_path, "models", "keeping its conversion model", now=AT):
            held.set()
            done.wait(10)

    first = threading.Thread(target=hold)
    first.start()
    held.wait(10)

    def report(message, _share):
        told.append(message)
        done.set()

    with alone(tmp_path, "models", "keeping its churn model", now=AT, progress=report):
        first.join(10)
    assert "keeping its conversion model" in told[0]

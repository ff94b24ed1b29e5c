"""A new MLflow store that several processes open at once: each can write to it, and it can be opened afterwards."""

import multiprocessing
import os
import sqlite3

from rapport.training.registry.mlflow_store import DATABASE, experiment_id, open_store, tracking_uri

# Forked, so that MLflow is imported once; each child still makes or finds the store by itself.
START = multiprocessing.get_context("fork")
PROCESSES = 4


def _write(home, number, gate, written):
    gate.wait()
    uri = tracking_uri(home, {})
    client = open_store(home, uri)
    run = client.create_run(experiment_id(client, home, uri), run_name=str(number))
    client.set_terminated(run.info.run_id)
    written.put(number)


def test_processes_that_open_a_new_store_at_once_can_all_write_to_it(tmp_path):
    gate, written = START.Barrier(PROCESSES), START.Queue()
    children = [START.Process(target=_write, args=(tmp_path, number, gate, written)) for number in range(PROCESSES)]
    for child in children:
        child.start()
    for child in children:
        child.join(180)
    assert [child.exitcode for child in children] == [0] * PROCESSES
    assert sorted(written.get(timeout=5) for _ in children) == list(range(PROCESSES))
    with sqlite3.connect(tmp_path / DATABASE) as store:
        assert store.execute("SELECT count(*) FROM runs").fetchone() == (PROCESSES,)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_second_home_in_the_same_process_keeps_its_own_store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for home in (tmp_path / "one", tmp_path / "other"):
        uri = tracking_uri(home, os.environ)
        experiment_id(open_store(home, uri), home, uri)
    assert [(tmp_path / name / DATABASE).exists() for name in ("one", "other")] == [True, True]

"""A new MLflow store that several processes open at once: each can write to it, and it can be opened afterwards."""

import os
import sqlite3
from functools import partial

from fresh_processes import together

from rapport.training.registry.mlflow_store import DATABASE, experiment_id, open_store, tracking_uri

PROCESSES = 4


def _write(home, number):
    uri = tracking_uri(home, {})
    client = open_store(home, uri)
    run = client.create_run(experiment_id(client, home, uri), run_name=str(number))
    client.set_terminated(run.info.run_id)


def test_processes_that_open_a_new_store_at_once_can_all_write_to_it(tmp_path):
    assert together(*(partial(_write, tmp_path, number) for number in range(PROCESSES))) == [0] * PROCESSES
    with sqlite3.connect(tmp_path / DATABASE) as store:
        assert sorted(store.execute("SELECT name FROM runs")) == [(str(number),) for number in range(PROCESSES)]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_second_home_in_the_same_process_keeps_its_own_store(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for home in (tmp_path / "one", tmp_path / "other"):
        uri = tracking_uri(home, os.environ)
        experiment_id(open_store(home, uri), home, uri)
    assert [(tmp_path / name / DATABASE).exists() for name in ("one", "other")] == [True, True]

"""A fresh MLflow store that several processes touch at once: each can write to it, and it can be opened afterwards."""

import multiprocessing
import sqlite3

from training.store import DATABASE, experiment, opened, tracking_uri

# Forked, so that MLflow is imported once; each child still makes or finds the store by itself.
START = multiprocessing.get_context("fork")
PROCESSES = 4


def _write(home, number, gate, written):
    gate.wait()
    uri = tracking_uri(home, {})
    client = opened(home, uri)
    run = client.create_run(experiment(client, home, uri), run_name=str(number))
    client.set_terminated(run.info.run_id)
    written.put(number)


def test_processes_that_touch_a_fresh_store_at_once_can_all_write_to_it(tmp_path):
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

"""Work done together: who comes meanwhile joins, nobody waits for a batch that is not theirs, a bad job fails alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from rapport.serving.live.batcher import Batcher


class Gated:
    """Work that waits for each of its batches to be let through."""

    def __init__(self):
        self.batches, self.gates = [], {name: threading.Event() for name in "abc"}

    def __call__(self, jobs):
        self.batches.append("".join(sorted(jobs)))
        assert self.gates[jobs[0][0]].wait(10)
        return [job.upper() for job in jobs]


def test_jobs_that_come_meanwhile_run_together_and_do_not_wait_for_the_next_batch():
    work = Gated()
    batcher = Batcher(work)
    with ThreadPoolExecutor(8) as pool:
        found = {}
        for name, count in (("a", 1), ("b", 3), ("c", 1)):
            found[name] = [pool.submit(batcher, name) for _ in range(count)]
            time.sleep(0.05)
            if name != "a":
                work.gates["ab"["bc".index(name)]].set()
                time.sleep(0.05)
        # The third batch runs, and still nobody of the second waits.
        assert not wait(found["b"], timeout=5).not_done
        assert not found["c"][0].done()
        work.gates["c"].set()
        assert [one.result() for each in found.values() for one in each] == ["A", "B", "B", "B", "C"]
    assert work.batches == ["a", "bbb", "c"]


def test_a_bad_job_fails_for_its_own_caller_only():
    gate = threading.Event()

    def work(jobs):
        assert gate.wait(10)
        return [1 / job for job in jobs]

    batcher = Batcher(work)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batcher, 1)
        time.sleep(0.05)
        bad, good = pool.submit(batcher, 0), pool.submit(batcher, 2)
        time.sleep(0.05)
        gate.set()
        assert (first.result(), good.result()) == (1.0, 0.5)
        with pytest.raises(ZeroDivisionError):
            bad.result()


def test_who_comes_alone_or_one_after_the_other_hardly_waits_for_company(monkeypatch):
    waits = []
    monkeypatch.setattr("rapport.serving.live.batcher.time.sleep", waits.append)
    batcher = Batcher(list, rest=1e9, longest=60.0)
    assert batcher(0) == 0
    assert not waits
    assert [batcher(job) for job in range(1, 81)] == list(range(1, 81))
    assert 3 < len(waits) < 15

"""Work done by several processes at the same moment. Each is fresh: a fork of a process with threads may die."""

import multiprocessing
from collections.abc import Callable
from typing import Any

START = multiprocessing.get_context("spawn")
LIMIT_SECONDS = 240


def together(*calls: Callable[[], Any], prepare: Callable[[], Any] = int) -> list[int | None]:
    """Prepare each process, then run the calls from the same moment on; return exit codes. All must be picklable."""
    gate = START.Barrier(len(calls))
    children = [START.Process(target=_run, args=(gate, prepare, call)) for call in calls]
    for child in children:
        child.start()
    for child in children:
        child.join(LIMIT_SECONDS)
    return [child.exitcode for child in children]


def _run(gate, prepare, call):
    prepare()
    gate.wait(LIMIT_SECONDS)
    call()

"""Run one piece of work in a process of its own and say what it took."""

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Taken:
    """What one piece of work gave, and its seconds (wall, all processors) and peak memory in GB.

    ``anonymous`` is the peak without mapped files, of the process and all below it, read ten times a second.
    """

    result: Any
    wall: float
    cpu: float
    peak: float
    anonymous: float = 0.0

    def line(self, name: str, beside: float | None = None) -> str:
        """Return a line for the table; ``beside`` is the wall time of what it is compared with."""
        ratio = f"{self.wall / beside:8.2f}" if beside else " " * 8
        return f"{name:46s}{self.wall:9.2f}{self.cpu:9.2f}{self.peak:9.2f}{ratio}"


def of_descendants() -> float:
    """Return the processor seconds of all processes that this one has started and that still live, and of theirs."""
    stats = [_stat(place) for place in Path("/proc").iterdir() if place.name.isdigit()]
    parents = {process: parent for process, parent, _ in stats}
    return sum(seconds for process, _, seconds in stats if os.getpid() in _above(process, parents))


def _stat(place: Path) -> tuple[int, int, float]:
    try:
        fields = (place / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return 0, 0, 0.0
    # Its own, and those of children that have ended: fields 14 to 17 of proc(5).
    return int(place.name), int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _above(process: int, parents: dict[int, int]) -> Iterator[int]:
    while process := parents.get(process, 0):
        yield process


HEAD = f"{'':46s}{'wall s':>9s}{'cpu s':>9s}{'peak GB':>9s}{'ratio':>8s}"


def measured(work: Callable[..., Any], *arguments: Any) -> Taken:
    """Run ``work`` in a fresh process, so that its peak memory is its own, and wait for it.

    ``work`` may return a dict with ``wall`` when only a part of it should be timed.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return Taken(*pool.apply(_run, (work, arguments)))


def _run(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float, float, float, float]:
    ended, largest = threading.Event(), [0.0]
    watcher = threading.Thread(target=_watch, args=(ended, largest))
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        result = work(*arguments)
    finally:
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        ended.set()
        watcher.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    part = result.pop("wall", wall) if isinstance(result, dict) else wall
    return result, part, cpu, peak, largest[0]


def _watch(ended: threading.Event, largest: list[float]) -> None:
    while not ended.wait(0.1):
        largest[0] = max(largest[0], _anonymous(os.getpid()))


def _anonymous(process: int) -> float:
    """Return the GB of anonymous memory of a process and all below it."""
    try:
        status = Path(f"/proc/{process}/status").read_text().splitlines()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has ended meanwhile
        return 0.0
    own = sum(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
    return own / 1e6 + sum(_anonymous(int(child)) for child in children)

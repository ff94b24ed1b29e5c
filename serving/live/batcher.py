"""Work of several threads done together: while one batch runs, the next one collects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Generic, TypeVar

Job = TypeVar("Job")
Found = TypeVar("Found")
# After so many waits for company that none came to, only one batch in eight tries again.
_PATIENCE, _TRIES = 2, 8


class _Batch(Generic[Job, Found]):
    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.results: Sequence[Found] | None = None
        self.ended = threading.Event()


class Batcher(Generic[Job, Found]):
    """Gives the jobs that came while others ran to one call of ``run``, which returns a result for each in turn.

    If that call fails, each job runs alone, so that a bad job fails for its own caller only. After a batch, the next
    waits ``rest`` times as long as that took, at most ``longest`` seconds: more jobs come together, for work that costs
    less in company. A caller that comes alone, or one request after the other, does not wait.
    """

    def __init__(
        self, run: Callable[[Sequence[Job]], Sequence[Found]], *, rest: float = 0.0, longest: float = 0.0
    ) -> None:
        self._run, self._turn, self._joining = run, threading.Lock(), threading.Lock()
        self._open: _Batch[Job, Found] = _Batch()
        self._rest, self._longest, self._not_before = rest, longest, 0.0
        self._in_vain = 0

    def __call__(self, job: Job) -> Found:
        """Return the result of a job, or raise its error."""
        with self._joining:
            batch, place = self._open, len(self._open.jobs)
            batch.jobs.append(job)
        # Its first job runs a batch for all. The others wait for its end, not for a turn: the next batch may be sooner.
        if place == 0:
            self._lead(batch)
        else:
            batch.ended.wait()
        if batch.results is None:
            with self._turn:
                return self._run([job])[0]
        return batch.results[place]

    def _lead(self, batch: _Batch[Job, Found]) -> None:
        with self._turn:
            waited = self._wait_for_company()
            with self._joining:
                self._open = _Batch()
            if len(batch.jobs) > 1:
                self._in_vain = 0
            elif waited:
                self._in_vain += 1
            started = time.monotonic()
            try:
                # An error of one job is its caller's; after an error of several, each runs alone.
                with suppress(Exception) if len(batch.jobs) > 1 else nullcontext():
                    batch.results = self._run(batch.jobs)
            finally:
                ended = time.monotonic()
                self._not_before = ended + min(self._longest, self._rest * (ended - started))
                batch.ended.set()

    def _wait_for_company(self) -> bool:
        seconds = self._not_before - time.monotonic()
        if seconds <= 0.0:
            return False
        if self._in_vain > _PATIENCE and self._in_vain % _TRIES:
            self._in_vain += 1
            return False
        time.sleep(seconds)
        return True

"""Work of several threads done together: while one batch runs, the next one collects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

Job = TypeVar("Job")
Found = TypeVar("Found")


class _Batch(Generic[Job, Found]):
    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.results: Sequence[Found] | None = None


class Batcher(Generic[Job, Found]):
    """Gives the jobs that came while others ran to one call of ``run``, which returns a result for each in turn.

    If that call fails, each job runs alone, so that a bad job fails for its own caller only.
    """

    def __init__(self, run: Callable[[Sequence[Job]], Sequence[Found]]) -> None:
        self._run, self._turn, self._joining = run, threading.Lock(), threading.Lock()
        self._open: _Batch[Job, Found] = _Batch()

    def __call__(self, job: Job) -> Found:
        """Return the result of a job, or raise its error."""
        with self._joining:
            batch, place = self._open, len(self._open.jobs)
            batch.jobs.append(job)
        with self._turn:
            # The first of the batch that gets its turn runs it for all.
            if batch is self._open:
                self._close(batch)
            if batch.results is None:
                return self._run([job])[0]
        return batch.results[place]

    def _close(self, batch: _Batch[Job, Found]) -> None:
        with self._joining:
            self._open = _Batch()
        if len(batch.jobs) > 1:
            with suppress(Exception):
                batch.results = self._run(batch.jobs)

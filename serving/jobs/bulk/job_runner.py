"""Runs bulk jobs in one thread of a worker, one after the other: requests keep the rest of the machine."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from rapport.errors import RapportError
from rapport.serving.errors import STORAGE, is_storage_error, without_folders
from rapport.serving.jobs.bulk.job_store import RunningJob
from rapport.serving.jobs.bulk.result_files import Bodies, Write, digest_of, ndjson_writer, parquet_writer

# After each piece other threads get the interpreter; a request waits for a part of a piece at most.
_PAUSE_SECONDS = 0.002
_INTERNAL = "Internal error. The server's log has the details."
logger = logging.getLogger("rapport.bulk")


class _StoppedError(Exception):
    """The job was cancelled, or the server stops."""


class JobRunner:
    """The jobs of one worker; ``shape`` is the type of one answer."""

    def __init__(self, shape: type) -> None:
        self._shape, self._stopping = shape, threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rapport-bulk")

    def start(self, job: RunningJob, pieces: Iterable[Bodies]) -> None:
        """Queue a job whose answers are ``pieces``."""
        self._pool.submit(self._run, job, pieces)

    def stop(self) -> None:
        """Give up after the current piece; callers see that the jobs were interrupted."""
        self._stopping.set()
        self._pool.shutdown(wait=False)

    def _run(self, job: RunningJob, pieces: Iterable[Bodies]) -> None:
        try:
            self._write(job, pieces)
            job.update(state="done", etag=digest_of(job.result))
        except _StoppedError:
            if job.is_cancelled():
                job.update(state="cancelled")
        except RapportError as error:
            job.update(state="failed", error=without_folders(str(error)))
        except Exception as error:  # the thread serves the next job, too
            logger.exception("bulk job")
            self._fail(job, STORAGE if is_storage_error(error) else _INTERNAL)
        finally:
            job.release()

    def _write(self, job: RunningJob, pieces: Iterable[Bodies]) -> None:
        job.update(state="running")
        with self._writer(job) as write:
            self._check(job)
            for bodies in pieces:
                write(bodies)
                job.update(done=job.job.done + len(bodies))
                time.sleep(_PAUSE_SECONDS)
                self._check(job)

    def _writer(self, job: RunningJob) -> AbstractContextManager[Write]:
        if job.job.format == "parquet":
            return parquet_writer(job.result, self._shape)
        return ndjson_writer(job.result)

    def _check(self, job: RunningJob) -> None:
        if self._stopping.is_set() or job.is_cancelled():
            raise _StoppedError

    def _fail(self, job: RunningJob, reason: str) -> None:
        try:
            job.update(state="failed", error=reason)
        except OSError:
            # On a full disk not even that can be written: without its lock the job counts as interrupted.
            logger.exception("bulk job state")

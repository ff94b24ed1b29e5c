"""Bulk jobs on disk, one folder each, so that every worker answers for a job that another one runs.

``job.json`` holds the state, ``lock`` is held while a worker has the job (a killed worker loses it), ``cancel`` asks it
to stop, and ``result.*`` appears complete. A job belongs to the key that sent it, and is removed after a day.
"""

from __future__ import annotations

import fcntl
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Literal

from rapport.files import replace_text
from rapport.serving.errors import RequestError
from rapport.serving.security.keys import Viewer

FOLDER = "bulk"
KEPT = timedelta(hours=24)
MOST_UNFINISHED, MOST_UNFINISHED_OF_A_KEY = 16, 4
Form = Literal["ndjson", "parquet"]
State = Literal["queued", "running", "done", "cancelled", "failed"]
RESULTS: dict[Form, str] = {"ndjson": "result.ndjson.gz", "parquet": "result.parquet"}
_ID = re.compile(r"[0-9a-f]{32}")
_UNFINISHED = ("queued", "running")
_NO_JOB = "There is no such job of this key. Jobs and their results are kept for 24 hours."
_BUSY = "Too many bulk jobs wait already. Retry when one is finished."
_INTERRUPTED = "The server stopped while it worked on this job. Send the job again."


@dataclass(frozen=True)
class Job:
    """One job: whose it is, what it makes, and how far it is."""

    job: str
    by: str
    target: str
    format: Form
    created_at: str
    state: State = "queued"
    done: int = 0
    total: int | None = None
    error: str | None = None
    etag: str | None = None

    @property
    def expires_at(self) -> datetime:
        """Return when the job and its result are removed."""
        return datetime.fromisoformat(self.created_at) + KEPT


class RunningJob:
    """A job in the hands of the worker that holds its lock."""

    def __init__(self, folder: Path, job: Job, lock: IO[str]) -> None:
        self.folder, self.job, self._lock = folder, job, lock

    @property
    def result(self) -> Path:
        """Return the path of the result."""
        return self.folder / RESULTS[self.job.format]

    def is_cancelled(self) -> bool:
        """Return whether the caller asked to stop."""
        return (self.folder / "cancel").exists()

    def update(self, **changes: object) -> None:
        """Store a new state or progress."""
        self.job = replace(self.job, **changes)  # type: ignore[arg-type]  # the names of fields
        _write(self.folder, self.job)

    def release(self) -> None:
        """Give the job up, finished or not."""
        self._lock.close()


class JobStore:
    """The bulk jobs of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / FOLDER

    def create(self, by: str, target: str, form: Form, now: datetime) -> RunningJob:
        """Create a job; RequestError (429) if too many wait."""
        self.remove_expired(now)
        waiting = [job.by for job in self._jobs() if job.state in _UNFINISHED]
        if len(waiting) >= MOST_UNFINISHED or waiting.count(by) >= MOST_UNFINISHED_OF_A_KEY:
            raise RequestError(429, _BUSY, retry_after=10.0)
        job = Job(secrets.token_hex(16), by, target, form, now.isoformat(timespec="seconds"))
        folder = self._root / job.job
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        lock = (folder / "lock").open("w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write(folder, job)
        return RunningJob(folder, job, lock)

    def read(self, job_id: str, by: str) -> Job:
        """Return a job of this key; RequestError (404) for any other."""
        found = self._read(self._root / job_id) if _ID.fullmatch(job_id) else None
        if found is None or found.by != by:
            raise RequestError(404, _NO_JOB, where="job")
        return found

    def cancel(self, job_id: str, by: str) -> Job:
        """Ask for a stop; a finished job stays as it is."""
        found = self.read(job_id, by)
        if found.state in _UNFINISHED:
            (self._root / job_id / "cancel").touch(mode=0o600)
        return found

    def result(self, job_id: str, by: str) -> tuple[Path, Job]:
        """Return the path of a result; RequestError (409) while there is none."""
        found = self.read(job_id, by)
        if found.state != "done":
            raise RequestError(409, f"This job is {found.state}, so it has no result.", where="job")
        return self._root / job_id / RESULTS[found.format], found

    def remove_expired(self, now: datetime) -> None:
        """Remove the jobs whose time is over."""
        for job in list(self._jobs()):
            if job.expires_at < now:
                shutil.rmtree(self._root / job.job, ignore_errors=True)

    def _jobs(self) -> Iterator[Job]:
        folders = sorted(self._root.iterdir()) if self._root.is_dir() else []
        yield from filter(None, (self._read(folder) for folder in folders if _ID.fullmatch(folder.name)))

    def _read(self, folder: Path) -> Job | None:
        try:
            job = Job(**json.loads((folder / "job.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        if job.state in _UNFINISHED and not _is_held(folder / "lock"):
            return replace(job, state="failed", error=_INTERRUPTED)
        return job


def caller_of(viewer: Viewer) -> str:
    """Return whose job it is: a key of the same name that sees other owners' customers is another caller."""
    return viewer.name if viewer.owners is None else json.dumps([viewer.name, *viewer.owners], ensure_ascii=False)


def remove_all(data_dir: Path) -> int:
    """Remove every job with its result; return how many: copies of scores, which a caller can request again."""
    folders = list((data_dir / FOLDER).glob("*"))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)


def _write(folder: Path, job: Job) -> None:
    replace_text(folder / "job.json", json.dumps(asdict(job)))


def _is_held(path: Path) -> bool:
    try:
        with path.open("r", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False

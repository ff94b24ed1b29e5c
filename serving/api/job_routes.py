"""Answers under ``/v1/jobs/ID``: state, cancellation, and the result as a stream."""

from __future__ import annotations

import hashlib
import json

import anyio.to_thread

from rapport.serving.api.bulk_endpoint import JOBS
from rapport.serving.api.bulk_handlers import job_body
from rapport.serving.api.response import JSON, ResponseWriter
from rapport.serving.errors import RequestError
from rapport.serving.jobs.bulk.job_store import Form, Job, JobStore, caller_of
from rapport.serving.jobs.bulk.result_files import pieces_of
from rapport.serving.security.keys import Viewer

METHODS = ("GET", "DELETE")
_TYPES: dict[Form, str] = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
_NOT_FOUND = "There is nothing at this address; see /openapi.json."


async def answer_job(store: JobStore, method: str, path: str, viewer: Viewer, response: ResponseWriter) -> None:
    """Answer one request about a job of the caller's key."""
    by = caller_of(viewer)
    job_id, _, part = path.removeprefix(JOBS).partition("/")
    if part == "result" and method == "GET":
        await _send_result(store, job_id, by, response)
    elif part:
        raise RequestError(404, _NOT_FOUND)
    elif method == "DELETE":
        await _send_state(await anyio.to_thread.run_sync(store.cancel, job_id, by), response)
    else:
        await _send_state(await anyio.to_thread.run_sync(store.read, job_id, by), response)


async def _send_state(job: Job, response: ResponseWriter) -> None:
    body = json.dumps(job_body(job), ensure_ascii=False).encode()
    await response.send_tagged(body, JSON, hashlib.sha256(body).hexdigest())


async def _send_result(store: JobStore, job_id: str, by: str, response: ResponseWriter) -> None:
    path, job = await anyio.to_thread.run_sync(store.result, job_id, by)
    packed = job.format == "ndjson"
    pieces = pieces_of(path, unpacked=packed and not response.accepts_gzip)
    response.extra["content-disposition"] = f'attachment; filename="{job.job}.{job.format}"'
    gzipped = packed and response.accepts_gzip
    await response.send_stream(pieces, _TYPES[job.format], job.etag or "", gzipped=gzipped)

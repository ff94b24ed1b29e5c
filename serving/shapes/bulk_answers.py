"""The type of a bulk job; the typed client uses it without pydantic."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class BulkJob(TypedDict):
    """A job: its state, its progress, and the addresses where its state and its result are."""

    job: str
    state: Literal["queued", "running", "done", "cancelled", "failed"]
    target: str
    format: Literal["ndjson", "parquet"]
    done: int
    total: int | None
    created_at: str
    expires_at: str
    error: str | None
    url: str
    result: str | None

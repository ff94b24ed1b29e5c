"""The endpoint that starts a bulk job with its request, and the operations on a job under its address."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from rapport.serving.api.endpoint import Endpoint
from rapport.serving.api.schemas import HORIZONS, Body, CustomerFilter, Horizons, Id, Language, Target
from rapport.serving.shapes.bulk_answers import BulkJob

MAX_BULK_IDS = 100_000


class BulkRequest(Body):
    """Request the scores of many customers as a job: of a list of ids, or of all that a filter finds."""

    customer_ids: Annotated[list[Id], FailFast()] = Field(default_factory=list, max_length=MAX_BULK_IDS)
    filter: CustomerFilter | None = Field(None, description="In place of ids; {} finds every scored customer.")
    target: Target = "churn"
    reasons: int = Field(5, ge=0, le=30)
    horizons: Horizons = HORIZONS
    language: Language | None = None
    format: Literal["ndjson", "parquet"] = "ndjson"

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.customer_ids) == (self.filter is not None):
            raise PydanticCustomError("either", "Give either 'customer_ids' or 'filter'")
        return self


JOBS = "/v1/jobs/"
_ID = "5f0c6a1e9d3b4c7f8a2e1d0b9c8f7e6d"
_JOB = {
    "job": _ID, "state": "queued", "target": "churn", "format": "ndjson", "done": 0, "total": None,
    "created_at": "2026-11-02T09:00:00+00:00", "expires_at": "2026-11-03T09:00:00+00:00", "error": None,
    "url": f"{JOBS}{_ID}", "result": None,
}  # fmt: skip

BULK = Endpoint(
    "/v1/bulk", "score", "Start a job that scores up to 100,000 ids, or all that a filter finds",
    BulkRequest, BulkJob, {"filter": {"risk_band": "high"}, "target": "churn", "reasons": 3, "format": "ndjson"}, _JOB,
)  # fmt: skip


def job_paths(refused: dict[str, object], job: dict[str, object]) -> dict[str, object]:
    """Return the OpenAPI paths of a job: its state, its cancellation, its result."""
    state = {"description": "The job.", "content": {"application/json": {"schema": job, "example": _JOB}}}
    result = {"description": "The result.", "content": {"application/x-ndjson": {}, _PARQUET: {}}}
    unchanged = {"description": "Unchanged since the ETag in If-None-Match."}
    parameter = {"name": "job", "in": "path", "required": True, "schema": {"type": "string"}}

    def operation(name: str, summary: str, answers: dict[str, object]) -> dict[str, object]:
        refusals = {
            status: {"description": text, "content": {"application/json": {"schema": refused}}}
            for status, text in _REFUSALS.items()
        }
        described = "Needs the key that started the job."
        return {"operationId": name, "summary": summary, "description": described, "responses": answers | refusals}

    return {
        f"{JOBS}{{job}}": {
            "parameters": [parameter],
            "get": operation("job", "State and progress of a bulk job", {"200": state, "304": unchanged}),
            "delete": operation("cancel_job", "Cancel a bulk job", {"200": state}),
        },
        f"{JOBS}{{job}}/result": {
            "parameters": [parameter],
            "get": operation("job_result", "Result of a bulk job", {"200": result, "304": unchanged}),
        },
    }


_PARQUET = "application/vnd.apache.parquet"
_REFUSALS = {
    "401": "No valid key.",
    "403": "The key does not hold the scope.",
    "404": "No such job of this key.",
    "405": "Only GET and DELETE.",
    "409": "The job has no result.",
    "429": "Too many requests; retry after the seconds in Retry-After.",
    "500": "Internal error; the log has the request id.",
    "503": "Not ready yet.",
}

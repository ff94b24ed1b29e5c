"""Handler of bulk jobs: the answers of ``/v1/score``, of one model from the first customer to the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rapport.serving.api.bulk_endpoint import JOBS, BulkRequest
from rapport.serving.api.customer_answers import CustomerAnswers, requested_horizons
from rapport.serving.jobs.bulk.job_runner import JobRunner
from rapport.serving.jobs.bulk.job_store import Job, JobStore, caller_of
from rapport.serving.security.request_context import RequestContext
from rapport.serving.shapes.answers import Answer
from rapport.serving.snapshots.live_model import LiveModel

_PIECE = 100

Body = dict[str, Any]


class BulkHandlers(CustomerAnswers):
    """Starts jobs, which answer like ``/v1/score``."""

    _job_store: JobStore
    _job_runner: JobRunner

    def bulk(self, request: BulkRequest, context: RequestContext) -> Body:
        """Start a job and return how to follow it."""
        model = self._application.live_model(request.target)
        ids: Sequence[str] = request.customer_ids
        if request.filter is not None:
            filters, hidden = (
                self.filters_of(request.filter, model, context),
                self._application.hidden_from(context.viewer),
            )
            ids = self._application.listed_ids(model, filters, hidden)
        # Refused now, not when the job runs.
        requested_horizons(request.horizons)
        job = self._job_store.create(caller_of(context.viewer), request.target, request.format, datetime.now(UTC))
        job.update(total=len(ids))
        self._job_runner.start(job, self._pieces(request, ids, model, context))
        return job_body(job.job)

    def _pieces(
        self, request: BulkRequest, ids: Sequence[str], model: LiveModel, context: RequestContext
    ) -> Iterator[list[Answer]]:
        """Yield the answers piece by piece; each piece is in the audit trail before it is written."""
        for first in range(0, len(ids), _PIECE):
            yield self.scores_of(model, ids[first : first + _PIECE], request, context, first=first)


def job_body(job: Job) -> Body:
    """Return a job as its callers see it."""
    url = JOBS + job.job
    shown = {name: getattr(job, name) for name in ("job", "state", "target", "format", "done", "total", "created_at")}
    return shown | {
        "expires_at": job.expires_at.isoformat(),
        "error": job.error,
        "url": url,
        "result": f"{url}/result" if job.state == "done" else None,
    }

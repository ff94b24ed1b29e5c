"""Handlers of the API endpoints: check what the viewer may see, write the audit trail, return the body."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rapport.serving.api import schemas
from rapport.serving.api.bulk_handlers import BulkHandlers
from rapport.serving.api.customer_answers import requested_horizons
from rapport.serving.api.endpoint import Endpoint
from rapport.serving.api.insight_handlers import InsightHandlers
from rapport.serving.api.task_handlers import TaskHandlers
from rapport.serving.application.application import Application
from rapport.serving.errors import RequestError, message
from rapport.serving.jobs.bulk.job_runner import JobRunner
from rapport.serving.jobs.bulk.job_store import JobStore
from rapport.serving.live.intake import SentEvent
from rapport.serving.metrics import Metrics
from rapport.serving.security.audit import AuditTrail
from rapport.serving.security.request_context import RequestContext
from rapport.serving.snapshots.live_model import LiveModel

Body = Mapping[str, Any]


class Handlers(BulkHandlers, TaskHandlers, InsightHandlers):
    """One method for each endpoint under /v1/, named after its path."""

    def __init__(
        self, application: Application, audit: AuditTrail, metrics: Metrics, jobs: JobStore, runner: JobRunner
    ) -> None:
        self._application, self._audit, self._metrics = application, audit, metrics
        self._job_store, self._job_runner = jobs, runner

    def plain_answer(self, endpoint: Endpoint, request: object, context: RequestContext) -> Body:
        """Answer a request of this process, which wants values and not text."""
        answer: Body | bytes = getattr(self, endpoint.name)(request, context)
        return json.loads(answer) if isinstance(answer, bytes) else answer

    def score_history(self, request: schemas.ScoreHistoryRequest, context: RequestContext) -> Body:
        """Score the histories in the body."""
        model = self._application.live_model(request.target)
        histories = [one.model_dump(exclude_none=True) for one in request.histories]
        bodies = self._application.score_histories(
            model,
            histories,
            request.as_of,
            reasons=request.reasons,
            language=self.language_of(request),
            horizons=requested_horizons(request.horizons),
        )
        ids = [body["customer_id"] for body in bodies]
        self._record_answers(context, ids, request.target, [body.get("probability") for body in bodies])
        return {"answers": bodies}

    def what_if(self, request: schemas.WhatIfRequest, context: RequestContext) -> Body:
        """Score a customer with some facts changed."""
        self._check_visible(context, request.target, request.customer_id)
        self._record(context, [request.customer_id])
        return self._application.what_if(
            request.customer_id,
            request.target,
            request.changes,
            language=self.language_of(request),
            reasons=request.reasons,
        )

    def change(self, request: schemas.ChangeRequest, context: RequestContext) -> Body:
        """Explain why a score moved."""
        if request.from_ > request.to:
            raise RequestError(422, message("from_after_to"), where="from")
        self._check_visible(context, request.target, request.customer_id)
        self._record(context, [request.customer_id])
        language = self.language_of(request)
        return self._application.change(
            request.customer_id, request.target, request.from_, request.to, language=language
        )

    def customer(self, request: schemas.CustomerRequest, context: RequestContext) -> Body:
        """Return everything about one customer."""
        self._check_visible(context, self._application.main_target(), request.customer_id)
        self._record(context, [request.customer_id])
        language = self.language_of(request)
        return self._application.customer(request.customer_id, language=language, viewer=context.viewer)

    def customers(self, request: schemas.CustomersRequest, context: RequestContext) -> Body:
        """List the scored customers, a page at a time."""
        model = self._application.live_model(request.target)
        filters = self.filters_of(request, model, context)
        snapshot = model.snapshot
        first = _position(request.after, snapshot.run.folder.name)
        rows, more = self._application.list_page(
            model,
            filters=filters,
            hidden=self._application.hidden_from(context.viewer),
            first=first,
            count=request.limit,
        )
        self._record(context, [row["customer_id"] for row in rows])
        after = _cursor(snapshot.run.folder.name, first + request.limit) if more else None
        return {"as_of": snapshot.as_of.date().isoformat(), "customers": rows, "next": after}

    def events(self, request: schemas.EventsRequest, context: RequestContext) -> Body:
        """Store events; a key with an owner stores rows of its own customers only."""
        events = _sent_events(request)
        ids = list(dict.fromkeys(event.customer_id for event in events))
        if context.viewer.owners is not None:
            for customer_id in ids:
                self._check_visible(context, self._application.main_target(), customer_id)
        self._record(context, ids)
        return self._application.store_events(events, context.viewer, idempotency_key=context.idempotency_key)

    def changes(self, request: schemas.ChangesRequest, context: RequestContext) -> Body:
        """Return the changes of the customers that the viewer may see."""
        changes, cursor, more = self._application.changes(
            context.viewer, request.since, target=request.target, limit=request.limit
        )
        self._record(context, list(dict.fromkeys(one["customer_id"] for one in changes)))
        return {"changes": changes, "next": cursor, "more": more}

    def effect(self, _request: schemas.EffectRequest, context: RequestContext) -> Body:
        """Return what contact did against held-out customers, of the whole company."""
        if context.viewer.owners is not None:
            raise RequestError(403, message("whole_company"))
        return self._application.effect()

    def feedback(self, request: schemas.FeedbackRequest, context: RequestContext) -> Body:
        """Store feedback."""
        self._check_visible(context, request.target, request.customer_id)
        self._record(context, [request.customer_id])
        fields = request.model_dump()
        return self._application.feedback(context.viewer, **fields, idempotency_key=context.idempotency_key)

    def _record(self, context: RequestContext, ids: Sequence[str]) -> None:
        self._audit.add(context, ids, datetime.now(UTC))

    def _check_visible(self, context: RequestContext, target: str, customer_id: str) -> None:
        model: LiveModel = self._application.live_model(target)
        if not self._application.scores.sees(context.viewer, model, customer_id):
            raise RequestError(404, message("unknown_customer"), where="customer_id")


def _sent_events(request: schemas.EventsRequest) -> list[SentEvent]:
    if request.customer_id and request.table:
        return [SentEvent(request.customer_id, request.table, row) for row in request.rows]
    return [SentEvent(**event.model_dump()) for event in request.events]


def _cursor(run: str, position: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([run, position]).encode()).decode()


def _position(cursor: str | None, run: str) -> int:
    if cursor is None:
        return 0
    try:
        cursor_run, position = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error) as error:
        raise RequestError(422, "Not a 'next' that this service returned.", where="after") from error
    if cursor_run != run or not isinstance(position, int) or position < 0:
        raise RequestError(
            409, "The scores were updated after that page was returned. Start again without 'after'.", where="after"
        )
    return position

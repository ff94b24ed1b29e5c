"""Handlers of the endpoints about deals, analytics and reports: a viewer reads what its accounts show."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rapport.serving.api import insight_endpoints as schemas
from rapport.serving.api.customer_answers import CustomerAnswers
from rapport.serving.application.evaluation import customer_report
from rapport.serving.security.request_context import RequestContext

Body = Mapping[str, Any]


class InsightHandlers(CustomerAnswers):
    """One method for each endpoint."""

    def deals(self, request: schemas.DealsRequest, context: RequestContext) -> Body:
        """List open deals."""
        if request.customer_id is not None:
            self.require_seen(context, request.customer_id)
        only = request.model_dump(exclude={"limit", "language"}, exclude_none=True)
        found = self._application.insights.deals(
            context.viewer, only, limit=request.limit, language=self.language_of(request)
        )
        self._audit.add(context, sorted({deal["customer_id"] for deal in found["deals"]}), datetime.now(UTC))
        return found

    def analytics(self, request: schemas.AnalyticsRequest, context: RequestContext) -> Body:
        """Return one analysis, or the names of all."""
        language = self.language_of(request)
        if request.name is None:
            return {"names": self._application.insights.names(language)}
        if request.customer_id is not None:
            self.require_seen(context, request.customer_id)
        found = self._application.insights.analysis(
            context.viewer, request.name, customer_id=request.customer_id, limit=request.limit, language=language
        )
        ids = sorted({str(row["customer_id"]) for row in found["rows"] if "customer_id" in row})
        self._audit.add(context, ids, datetime.now(UTC))
        return found

    def report(self, request: schemas.ReportRequest, context: RequestContext) -> Body:
        """Make the evaluation report of one customer."""
        self.require_seen(context, request.customer_id)
        self._audit.add(context, [request.customer_id], datetime.now(UTC))
        language = self.language_of(request)
        content = customer_report(
            self._application, context.viewer, request.customer_id, language=language, form=request.format
        )
        text = base64.b64encode(content).decode() if request.format == "pdf" else content.decode()
        return {
            "customer_id": request.customer_id,
            "format": request.format,
            "language": language,
            "content": text,
        }

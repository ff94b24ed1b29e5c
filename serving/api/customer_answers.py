"""Scores of known customers, and what other endpoints share with them: visibility, audit trail, filters of a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from rapport.durations import Duration
from rapport.errors import SettingsError
from rapport.localized import localize
from rapport.scoring.reasons.timing_answer import parse_horizons
from rapport.serving.api.schemas import CustomerFilter, EventsRequest, ScoreRequest
from rapport.serving.application.application import Application
from rapport.serving.application.rendered_answers import RenderedAnswer
from rapport.serving.errors import RequestError, error_body, message
from rapport.serving.metrics import Metrics
from rapport.serving.security.audit import AuditTrail
from rapport.serving.security.request_context import RequestContext
from rapport.serving.shapes.answers import Answer
from rapport.serving.snapshots.live_model import LiveModel

Filters = dict[str, str | float | tuple[str, ...] | None]


class _ScoreRequest(Protocol):
    """A request that says how much is told about each customer."""

    @property
    def reasons(self) -> int: ...

    @property
    def horizons(self) -> list[str]: ...


class CustomerAnswers:
    """Answers within what the viewer may see, recorded in the audit trail."""

    _application: Application
    _audit: AuditTrail
    _metrics: Metrics

    def language_of(self, request: object) -> str:
        """Return the language of the answer: the one in the request, else the company's."""
        return getattr(request, "language", None) or self._application.settings.language

    def require_seen(self, context: RequestContext, customer_id: str) -> None:
        """Refuse a customer whom the viewer may not see like one that does not exist."""
        if not self._application.may_see(context.viewer, customer_id):
            raise RequestError(404, message("unknown_customer"), where="customer_id")

    def scores_of(
        self, model: LiveModel, ids: Sequence[str], request: _ScoreRequest, context: RequestContext, *, first: int = 0
    ) -> list[Answer]:
        """Return the score of each id in turn; an unknown id gets an error with its position (from ``first`` on)."""
        language, horizons = self.language_of(request), requested_horizons(request.horizons)
        found = self._application.scores.written(
            model, ids, request.reasons, language, viewer=context.viewer, horizons=horizons
        )
        bodies = [
            answer or _unknown(one, place, language)
            for place, (one, answer) in enumerate(zip(ids, found, strict=True), start=first)
        ]
        self._record_answers(context, ids, model.target, [body.get("probability") for body in bodies])
        return bodies

    def score(self, request: ScoreRequest, context: RequestContext) -> bytes:
        """Score each id in turn, as JSON; an unknown id gets an error of its own."""
        model, ids, language = (
            self._application.live_model(request.target),
            request.customer_ids,
            self.language_of(request),
        )
        horizons = requested_horizons(request.horizons) if request.horizons else ()
        found = self._application.scores.rendered(
            model, ids, request.reasons, language, viewer=context.viewer, horizons=horizons
        )
        answers = [
            answer or RenderedAnswer.of(_unknown(one, place, language))
            for place, (one, answer) in enumerate(zip(ids, found, strict=True))
        ]
        self._record_answers(context, ids, model.target, [answer.probability for answer in answers])
        return b'{"answers":[%b]}' % b",".join([answer.body for answer in answers])

    def joins_batch(self, request: object) -> bool:
        """Whether a small request is answered together with others: new events, and scores that they change."""
        if isinstance(request, ScoreRequest):
            model = self._application.live_model(request.target)
            return self._application.overlay.has_work(model, request.customer_ids)
        return isinstance(request, EventsRequest)

    def _record_answers(
        self, context: RequestContext, ids: Sequence[str], target: str, probabilities: Sequence[float | None]
    ) -> None:
        """Write the audit trail and count the answers."""
        self._audit.add(context, ids, datetime.now(UTC))
        self._metrics.count_answers(target, [one for one in probabilities if one is not None])

    def filters_of(self, request: CustomerFilter, model: LiveModel, context: RequestContext) -> Filters:
        """Return the filters of a list, limited to the viewer's owners; RequestError for an unknown name."""
        if request.owner and not context.viewer.sees_owner(request.owner):
            raise RequestError(403, "This key sees only the customers of its own owner.", where="owner")
        _check_tier(model, request.tier)
        if request.grade is not None:
            _check_grade(self._application.grades(model), request.grade)
        return {
            "owner": request.owner or context.viewer.owners,
            "tier": request.tier,
            "health_grade": request.grade,
            "risk_band": request.risk_band,
            "list": request.list,
            "min_probability": request.min_probability,
        }


def requested_horizons(written: Sequence[str]) -> tuple[Duration, ...]:
    """Read the horizons of a request; 422 with the reason where one is not possible."""
    try:
        return parse_horizons(written)
    except SettingsError as error:
        raise RequestError(422, str(error), where="horizons") from error


def _unknown(customer_id: str, position: int, language: str) -> Answer:
    body = error_body("not_found", localize(message("unknown_customer"), language), f"customer_ids.{position}")
    return {"customer_id": customer_id, "error": body["error"]}


def _check_tier(model: LiveModel, tier: str | None) -> None:
    # An empty list would look like good news.
    known = [one.name for one in model.bundle.card.card.tiers] if model.bundle.card else []
    if tier is not None and tier not in known:
        tiers = ", ".join(known) or "–"
        raise RequestError(422, message("unknown_tier", target=model.target, tiers=tiers), where="tier")


def _check_grade(known: Sequence[str], grade: str) -> None:
    if grade not in known:
        raise RequestError(422, message("unknown_grade", grades=", ".join(known)), where="grade")

"""What each address of the API does: the desk's answers as bodies, for those who may see them, on the record."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rapport.history.contract import Words
from rapport.serving import schemas
from rapport.serving.asked import Asked
from rapport.serving.audit import AuditTrail
from rapport.serving.current import Current
from rapport.serving.desk import Desk
from rapport.serving.gauges import Gauges
from rapport.serving.live import score_histories
from rapport.serving.problem import UNKNOWN_CUSTOMER, RequestError, problem

Body = dict[str, Any]


class Api:
    """The addresses under /v1/."""

    def __init__(self, desk: Desk, audit: AuditTrail, gauges: Gauges) -> None:
        self._desk, self._audit, self._gauges = desk, audit, gauges

    def language_of(self, request: object) -> str:
        """Return the language that a request is answered in: the one it asks for, else the company's."""
        return getattr(request, "language", None) or self._desk.settings.language

    def score(self, request: schemas.ScoreRequest, asked: Asked) -> Body:
        """Answer for each id in turn; an unknown one has an error of its own."""
        current, language = self._desk.current(request.target), self.language_of(request)
        visible = [one if self._desk.sees(asked.viewer, current, one) else None for one in request.customer_ids]
        said = iter(current.answers([one for one in visible if one], request.reasons, language))
        found = [next(said) if one else None for one in visible]
        unknown = getattr(UNKNOWN_CUSTOMER, language)
        bodies = [
            {"customer_id": customer_id, **problem("not_found", unknown, f"customer_ids.{place}")}
            if answer is None
            else answer.as_dict()
            for place, (customer_id, answer) in enumerate(zip(request.customer_ids, found, strict=True))
        ]
        return self._told(asked, request.customer_ids, request.target, bodies)

    def score_history(self, request: schemas.ScoreHistoryRequest, asked: Asked) -> Body:
        """Score histories from the body."""
        current = self._desk.current(request.target)
        histories = [one.model_dump(exclude_none=True) for one in request.histories]
        scored = score_histories(current, histories, request.as_of, self._desk.engines)
        answers = scored.answers(request.reasons, self.language_of(request))
        bodies = [answer.as_dict() for answer in answers]
        return self._told(asked, [answer.customer_id for answer in answers], request.target, bodies)

    def what_if(self, request: schemas.WhatIfRequest, asked: Asked) -> Body:
        """Score a customer as it would be."""
        self._refuse_unseen(asked, request.target, request.customer_id)
        self._record(asked, [request.customer_id])
        return self._desk.what_if(
            request.customer_id,
            request.target,
            request.changes,
            language=self.language_of(request),
            reasons=request.reasons,
        )

    def change(self, request: schemas.ChangeRequest, asked: Asked) -> Body:
        """Say why a score moved."""
        if request.from_ > request.to:
            said = Words("'from' must not be later than 'to'.", "'from' 不得晚于 'to'。")
            raise RequestError(422, said, where="from")
        self._refuse_unseen(asked, request.target, request.customer_id)
        self._record(asked, [request.customer_id])
        language = self.language_of(request)
        return self._desk.change(request.customer_id, request.target, request.from_, request.to, language=language)

    def customer(self, request: schemas.CustomerRequest, asked: Asked) -> Body:
        """Say all of one customer."""
        self._refuse_unseen(asked, self._desk.main_target(), request.customer_id)
        self._record(asked, [request.customer_id])
        return self._desk.customer(request.customer_id, language=self.language_of(request))

    def customers(self, request: schemas.CustomersRequest, asked: Asked) -> Body:
        """List the scored customers, a page at a time."""
        current = self._desk.current(request.target)
        owner = asked.viewer.owner or request.owner
        if request.owner and owner != request.owner:
            raise RequestError(403, "This key sees only the customers of its own owner.", where="owner")
        _refuse_unknown_tier(current, request.tier)
        night = current.night
        first = _place(request.after, night.run.folder.name)
        rows, more = self._desk.listed(current, owner=owner, tier=request.tier, first=first, count=request.limit)
        self._record(asked, [row["customer_id"] for row in rows])
        after = _cursor(night.run.folder.name, first + request.limit) if more else None
        return {"as_of": night.as_of.date().isoformat(), "customers": rows, "next": after}

    def feedback(self, request: schemas.FeedbackRequest, asked: Asked) -> Body:
        """Keep what a person says."""
        self._refuse_unseen(asked, request.target, request.customer_id)
        said = request.model_dump()
        return self._desk.feedback(asked.viewer, **said, repeat_key=asked.idempotency_key)

    def _told(self, asked: Asked, ids: Sequence[str], target: str, bodies: list[Body]) -> Body:
        self._record(asked, ids)
        known = [body["probability"] for body in bodies if body.get("probability") is not None]
        self._gauges.answered(target, known)
        return {"answers": bodies}

    def _record(self, asked: Asked, ids: Sequence[str]) -> None:
        self._audit.add(asked, ids, datetime.now(UTC))

    def _refuse_unseen(self, asked: Asked, target: str, customer_id: str) -> None:
        current: Current = self._desk.current(target)
        if not self._desk.sees(asked.viewer, current, customer_id):
            raise RequestError(404, UNKNOWN_CUSTOMER, where="customer_id")


def _refuse_unknown_tier(current: Current, tier: str | None) -> None:
    # An empty list would look like good news.
    known = [one.name for one in current.bundle.card.card.tiers] if current.bundle.card else []
    if tier is not None and tier not in known:
        tiers = ", ".join(known) or "–"
        said = Words(f"No such tier. Tiers of {current.target}: {tiers}.", f"没有此等级。可选：{tiers}。")
        raise RequestError(422, said, where="tier")


def _cursor(run: str, place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([run, place]).encode()).decode()


def _place(cursor: str | None, run: str) -> int:
    if cursor is None:
        return 0
    try:
        said, place = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError, binascii.Error) as error:
        raise RequestError(422, "Not a 'next' that this service gave.", where="after") from error
    if said != run or not isinstance(place, int) or place < 0:
        raise RequestError(409, "The list was made anew since that page; start again without 'after'.", where="after")
    return place

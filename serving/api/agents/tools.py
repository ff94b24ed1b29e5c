"""The tools of the agent interface: each is an endpoint of the API, with the same keys, scopes, owners and audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from rapport.errors import RapportError
from rapport.languages import LanguageCode
from rapport.serving.api.agents.claims import MAX_CHARACTERS, MAX_NUMBERS, DraftCheck, check_text, is_too_long
from rapport.serving.api.agents.fencing import fenced
from rapport.serving.api.agents.results import (
    CustomerResult,
    DataResult,
    ListResult,
    ScoreResult,
    WhyResult,
    rows_of,
    scores_of,
    why_of,
)
from rapport.serving.api.endpoints import BY_PATH
from rapport.serving.api.handlers import Handlers
from rapport.serving.errors import RequestError, error_response, validation_error
from rapport.serving.security.request_context import current_request

Target = Literal["churn", "conversion"]
Language = LanguageCode
Verdict = Literal["right", "not_right", "done", "snoozed"]


class AgentTools:
    """The tools; each method is one, and its docstring is what the agent reads."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def score(self, customer_ids: list[str], target: Target = "churn", language: Language = "en") -> ScoreResult:
        """Score customers by id: probability, tier, money at risk and the first reasons, with the total."""
        return scores_of(self._call("score", customer_ids=customer_ids, target=target, reasons=3, language=language))

    def why(self, customer_id: str, target: Target = "churn", language: Language = "en") -> WhyResult:
        """Explain one customer's probability: all reasons in points, which add up to it (see ``sum``)."""
        body = self._call("score", customer_ids=[customer_id], target=target, reasons=30, language=language)
        return why_of(body["answers"][0])

    def change(
        self, customer_id: str, start: str, end: str, target: Target = "churn", language: Language = "en"
    ) -> DataResult:
        """Explain why a score moved between two days (ISO dates) that have a scoring run."""
        fields = {"from": start, "to": end, "customer_id": customer_id, "target": target, "language": language}
        return DataResult(data=fenced(self._call("change", **fields)))

    def customer(self, customer_id: str, language: Language = "en") -> CustomerResult:
        """Return one customer's file: facts, scores, events, stakeholders, group, recommended actions, feedback."""
        return CustomerResult(file=fenced(self._call("customer", customer_id=customer_id, language=language)))

    def worklist(
        self,
        target: Target = "churn",
        limit: int = 20,
        after: str | None = None,
        min_probability: float | None = None,
    ) -> ListResult:
        """List the customers to contact, most money at risk first; ``after`` takes the ``next`` of the last page."""
        body = self._call("customers", target=target, limit=limit, after=after, min_probability=min_probability)
        return rows_of(body["customers"], body["next"])

    def deals(self, language: Language = "en") -> DataResult:
        """List the open deals with their score, missing checks and next step."""
        return DataResult(data=fenced(self._call("deals", language=language)))

    def what_if(
        self, customer_id: str, changes: dict[str, float], target: Target = "churn", language: Language = "en"
    ) -> DataResult:
        """Return the score if facts that the company can act on were different, such as {"tickets_open": 0}."""
        fields = {"customer_id": customer_id, "changes": changes, "target": target, "language": language}
        return DataResult(data=fenced(self._call("what_if", **fields)))

    def log_outcome(
        self, customer_id: str, verdict: Verdict, target: Target = "churn", comment: str = "", until: str | None = None
    ) -> DataResult:
        """Store what a person did or found; only after that person agreed. ``until`` is needed for snoozed."""
        fields = {"customer_id": customer_id, "verdict": verdict, "target": target, "comment": comment, "until": until}
        return DataResult(data=fenced(self._call("feedback", **fields)))

    def check_draft(self, customer_id: str, text: str, language: Language = "en") -> DraftCheck:
        """Mark each number, date, name and direction in a text about a customer as supported by its file or not.

        Call it before a text about a customer is shown or sent, and correct what is not supported.
        """
        if is_too_long(text):
            limits = f"{MAX_CHARACTERS:,} characters and {MAX_NUMBERS} numbers"
            raise ToolError(f"The text is too long to check at once (at most {limits}). Check it in parts.")
        file = self._call("customer", customer_id=customer_id, language=language)
        scores = [
            self._call("score", customer_ids=[customer_id], target=target, reasons=30, language=language)["answers"][0]
            for target in dict.fromkeys(answer["target"] for answer in file["answers"])
            if current_request().viewer.may("score")
        ]
        return check_text(text, {**file, "scores_now": scores})

    def _call(self, name: str, **fields: Any) -> Mapping[str, Any]:
        """Answer an endpoint as the API does, for the caller of this request."""
        endpoint = BY_PATH[f"/v1/{name}"]
        require_scope(endpoint.scope)
        context = replace(current_request(), route=f"/mcp {name}")
        known = {field.alias or field_name for field_name, field in endpoint.request.model_fields.items()}
        given = {key: value for key, value in fields.items() if value is not None and key in known}
        try:
            request = endpoint.request.model_validate(given)
            return self._handlers.plain_answer(endpoint, request, context)
        except ValidationError as error:
            raise ToolError(argument_error(error)) from None
        except RequestError as error:
            raise ToolError(error.sentence(self._handlers.language_of(request))) from error
        except RapportError as error:
            raise ToolError(error_response(error)[1]["error"]["message"]) from error


def argument_error(error: ValidationError) -> str:
    """Return one sentence about arguments that do not fit, without the value, which may be anything."""
    return validation_error(error.errors(include_url=False, include_context=False, include_input=False)[0])[0]


def require_scope(scope: str) -> None:
    """Refuse a caller whose key does not have a scope."""
    if not current_request().viewer.may(scope):
        raise ToolError(f"This key does not have the scope {scope!r}. Use a key that has it.")

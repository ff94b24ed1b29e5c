"""The endpoints about deals, analytics and the evaluation report, and their requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rapport.serving.api.endpoint import Endpoint
from rapport.serving.api.schemas import Body, Id, Language
from rapport.serving.shapes import insight_answers as answers

Short = Annotated[str, StringConstraints(max_length=200)]


class DealsRequest(Body):
    """List open deals, the largest first."""

    customer_id: Id | None = None
    owner: Short | None = None
    stage: Short | None = None
    tier: Short | None = None
    stalled: bool | None = Field(None, description="Only deals that are (not) longer in their stage than won ones.")
    limit: int = Field(200, ge=1, le=2_000)
    language: Language | None = None


class AnalyticsRequest(Body):
    """Read one analysis of the latest scoring run; without a name, the list of names."""

    name: Annotated[str, StringConstraints(max_length=60)] | None = None
    customer_id: Id | None = Field(None, description="Only the rows of one customer.")
    limit: int = Field(1_000, ge=1, le=10_000)
    language: Language | None = None


class ReportRequest(Body):
    """Make the evaluation report of one customer."""

    customer_id: Id
    format: Literal["html", "pdf"] = "html"
    language: Language | None = None


_DEAL = {
    "customer_id": "C-1042", "name": "Northwind", "owner": "Maria Lopez", "opportunity_id": "D-77", "amount": 86000.0,
    "stage": "propose", "competitor": "Brightline", "opened_at": "2026-08-03", "days_open": 90, "days_in_stage": 71,
    "usual_days_in_stage": 38.0, "stalled": True, "score": 40.0, "tier": "even", "known": 0.9, "win_rate": 0.29,
    "next_check": "budget", "tier_label": "Even", "strategy": "Decide where to win.", "parts": [], "missing": [],
    "next_step": "Ask who grants the budget, how much, until when.",
    "never_met": [{"name": "Lena Koch", "role": "finance", "level": "director"}],
    "blockers": ["The finance contact Lena Koch was never met."],
}  # fmt: skip

INSIGHT_ENDPOINTS = (
    Endpoint(
        "/v1/deals", "read", "Open deals with C139 score, missing checks, next step and time in stage",
        DealsRequest, answers.DealList, {"stalled": True, "language": "en"},
        {"as_of": "2026-11-01", "deals": [_DEAL], "count": 1, "amount": 86000.0, "card": {"learned": False}},
    ),
    Endpoint(
        "/v1/analytics", "read", "One analysis of all customers by name, such as key_accounts or channel_roi",
        AnalyticsRequest, answers.Analysis, {"name": "key_accounts", "language": "en"},
        {"name": "key_accounts", "title": "Key accounts", "note": "", "as_of": "2026-11-01", "rows": [], "facts": {},
         "hidden": 0},
    ),
    Endpoint(
        "/v1/report", "read", "The evaluation report of one customer, as HTML or as a PDF in base64",
        ReportRequest, answers.Report, {"customer_id": "C-1042", "format": "html", "language": "zh"},
        {"customer_id": "C-1042", "format": "html", "language": "zh", "content": "<!doctype html>"},
    ),
)  # fmt: skip

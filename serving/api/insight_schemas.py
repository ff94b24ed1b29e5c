"""Schemas of the requests about deals, analytics and the evaluation report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from rapport.serving.api.schemas import Body, Id, Language

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

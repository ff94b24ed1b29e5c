"""The shapes of the tools' results: the answer with its sums, so that an agent never has to add up itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rapport.serving.api.agents.fencing import NOTICE, fenced


class Result(BaseModel):
    """What every tool returns beside its own fields."""

    model_config = ConfigDict(extra="allow")
    notice: str = NOTICE


class PointSum(BaseModel):
    """The parts of a probability: ``base_rate + reasons + other = probability``, each in points of probability."""

    base_rate: float
    reasons: float
    other: float
    probability: float


class ScoreResult(Result):
    """The scores of some customers; one without a score has ``error`` or no probability."""

    answers: list[dict[str, Any]]
    count: int
    revenue_at_risk_total: float = Field(description="Sum of revenue_at_risk over the answers that have one.")


class WhyResult(Result):
    """Why one customer has its probability."""

    answer: dict[str, Any]
    sum: PointSum | None


class CustomerResult(Result):
    """One customer's whole file."""

    file: dict[str, Any]


class ListResult(Result):
    """Rows of a list, and their total."""

    rows: list[dict[str, Any]]
    count: int
    revenue_at_risk_total: float
    next: str | None = None


class DataResult(Result):
    """Any other answer of the API."""

    data: dict[str, Any]


def scores_of(body: Mapping[str, Any]) -> ScoreResult:
    """Return the scores with their total."""
    answers = body["answers"]
    return ScoreResult(answers=fenced(answers), count=len(answers), revenue_at_risk_total=_total(answers))


def why_of(answer: Mapping[str, Any]) -> WhyResult:
    """Return one answer with the sum of its parts."""
    probability = answer.get("probability")
    if probability is None:
        return WhyResult(answer=fenced(answer), sum=None)
    reasons = sum(reason["points"] for reason in answer["reasons"])
    parts = PointSum(
        base_rate=answer["base_rate"], reasons=reasons, other=answer["other_points"], probability=probability
    )
    return WhyResult(answer=fenced(answer), sum=parts)


def rows_of(rows: list[dict[str, Any]], after: str | None) -> ListResult:
    """Return the rows of a list with their total."""
    return ListResult(rows=fenced(rows), count=len(rows), revenue_at_risk_total=_total(rows), next=after)


def _total(rows: list[dict[str, Any]]) -> float:
    found = (row.get("revenue_at_risk", row.get("value_at_risk")) for row in rows)
    return float(sum(value for value in found if value is not None))

"""The type of a row of the portfolio: what a scoring run knows of one customer, computed once."""

from __future__ import annotations

from typing import NotRequired, cast

import pyarrow as pa
from typing_extensions import TypedDict, TypeIs

from rapport.scoring.health.description import HealthRow
from rapport.serving.shapes.customer_parts import RfmScores


class _Account(TypedDict):
    """Who the customer is, from the company's own columns."""

    customer_id: str
    name: str | None
    owner: str | None
    region: str | None
    industry: str | None
    source: str | None
    parent_id: str | None
    do_not_contact: bool


class _Score(TypedDict):
    """The score and what leads to it. ``low`` and ``high`` are its interval; ``tier`` is that of the model's card."""

    state: str
    low: float | None
    high: float | None
    percentile: float | None
    base_rate: float | None
    tier: str | None
    card_tier: str | None
    rule_score: float | None
    rule_probability: float | None
    model_probability: float | None
    family: str | None
    first_reason_family: str | None
    first_reason_code: str | None
    recency_days: float | None
    orders_12m: float | None
    renewal_at: str | None
    value: float | None
    value_at_risk: float | None
    expected_saved: float | None
    due: str | None
    next_action_due: str | None
    next_action_code: str | None


class _Earlier(TypedDict, total=False):
    """The same figures seven and thirty days before; absent in a run of a version that did not keep them."""

    probability_7d: float | None
    health_score_7d: float | None
    tier_7d: str | None
    health_grade_7d: str | None
    probability_30d: float | None
    health_score_30d: float | None
    tier_30d: str | None
    health_grade_30d: str | None


class LeadRow(_Account, _Score, RfmScores, _Earlier):
    """A lead of a conversion run. Columns ``card_NAME_score`` and ``card_NAME_tier`` follow the company's cards."""

    probability: float | None
    lead_grade: str | None
    behaviour_points: float | None
    fit_points: float | None
    expected_value: float | None
    grade: str | None
    health_before_30d: NotRequired[float | None]
    grade_30d: NotRequired[str | None]


class CustomerRow(HealthRow, _Account, _Score, RfmScores, _Earlier):
    """A customer of a churn run, with health and money. Money is in the company's currency."""

    risk_band: str | None
    health_card_part: float | None
    health_value: float | None
    health_relation: float | None
    health_potential: float | None
    health_risk: float | None
    spend_if_retained: float | None
    revenue_at_risk: float | None
    revenue_at_risk_low: float | None
    revenue_at_risk_high: float | None
    expected_revenue: float | None
    contact_effect: float | None
    savable: float | None
    clv_1y: float | None
    clv_3y: float | None
    clv_5y: float | None
    list: str
    owner_rank: int | None
    this_week: bool
    win_back_value: float | None
    held_out: NotRequired[bool]


PortfolioRow = CustomerRow | LeadRow


def is_customer(row: PortfolioRow) -> TypeIs[CustomerRow]:
    """Whether a row is of a run that grades health, and not of leads."""
    return "health_grade" in row


def rows_of(table: pa.Table) -> list[PortfolioRow]:
    """Return the rows of a portfolio table."""
    return cast("list[PortfolioRow]", table.to_pylist())

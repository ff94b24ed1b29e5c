"""Types of the responses, as plain dictionaries: the OpenAPI document and the typed client use them."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from .customer_parts import (
    AccountNode,
    CardScore,
    Deal,
    Health,
    IndustryPosition,
    Lever,
    RecommendedAction,
    RfmFacts,
    RfmSegment,
    RiskCategory,
    Stakeholders,
    StrategyNote,
    TextSignal,
)

Fact = float | int | str | bool | None


class Reason(TypedDict):
    """One additive part of the score, as a sentence."""

    code: str
    family: str
    text: str
    evidence: float
    points: float
    facts: dict[str, Fact]
    peers: float | int | str | None
    actionable: bool
    advice: str | None
    sign: str
    unit: str | None
    window: str | None
    contrary: bool
    topic: str
    families: list[str]


class Model(TypedDict):
    """The model and card behind the answer, their grade, and the basis of the score."""

    name: str
    version: str
    card: str | None
    grade: str
    basis: str
    basis_note: str


class ErrorBody(TypedDict):
    """What is wrong, where, and what to do."""

    code: str
    message: str
    where: str


class LiveNote(TypedDict):
    """The run behind a live answer, when its newest event came, and how many events the source does not have yet."""

    run_as_of: str
    received_at: str
    not_in_source: int


class TimingPoint(TypedDict):
    """The chance at one horizon; extrapolated where no past cutoff shows what happens so far ahead."""

    horizon: str
    date: str
    probability: float
    extrapolated: bool


class Timing(TypedDict):
    """When the event comes, if it comes within 24 months; ``note`` says why an older model cannot tell."""

    event: Literal["order", "purchase", "non_renewal", "cancellation"] | None
    meaning: str
    curve: list[TimingPoint]
    expected_from: str | None
    expected_date: str | None
    expected_to: str | None
    note: str


class Figures(TypedDict, total=False):
    """What the portfolio has of a customer: health, risk band, money, cards and lists."""

    health: Health | None
    risk_band: str | None
    at_risk_threshold: float
    list: str
    spend_if_retained: float | None
    revenue_at_risk: float | None
    revenue_at_risk_low: float | None
    revenue_at_risk_high: float | None
    expected_revenue: float | None
    contact_effect: float | None
    contact_effect_source: Literal["assumption", "experiment", "uplift"]
    savable: float | None
    clv_1y: float | None
    clv_3y: float | None
    clv_5y: float | None
    cards: list[CardScore]
    rfm: RfmSegment
    win_back_value: float | None
    assumptions: dict[str, float]
    lead_grade: str | None
    behaviour_points: float | None
    fit_points: float | None
    expected_value: float | None


class Answer(Figures, total=False):
    """A score with its reasons; without a probability in states that have none."""

    customer_id: str
    as_of: str
    target: str
    state: str
    probability: float | None
    percentile: int | None
    interval: list[float] | None
    model_probability: float | None
    rule_probability: float | None
    rule_score: float | None
    tier: str | None
    value_at_risk: float | None
    base_rate: float | None
    reasons: list[Reason]
    other_evidence: float | None
    other_points: float | None
    out_of_range: list[str]
    certainty: Literal["high", "medium", "low"] | None
    certainty_note: str | None
    timing: Timing | None
    live: LiveNote
    held_out: bool
    model: Model
    error: ErrorBody


class Refused(TypedDict):
    """The body of every error."""

    error: ErrorBody


class ScoreAnswers(TypedDict):
    """The answers in the order of the request; an unknown customer has an ``error`` of its own."""

    answers: list[Answer]


class WhatIfAnswer(TypedDict):
    """The score before and after the change, and every fact that changed, derived facts included."""

    before: Answer
    after: Answer
    changed: dict[str, Fact]


class ChangePart(TypedDict):
    """One additive part of a change."""

    kind: Literal["facts", "model", "card", "calibration"]
    family: str | None
    text: str
    evidence: float
    points: float


ChangeAnswer = TypedDict(
    "ChangeAnswer",
    {
        "customer_id": str,
        "target": str,
        "from": str,
        "to": str,
        "before": float,
        "after": float,
        "parts": list[ChangePart],
        "model_before": str,
        "model_after": str,
    },
)


class PastScore(TypedDict):
    """A score of an earlier snapshot."""

    target: str
    as_of: str
    probability: float | None
    tier: str | None
    health_score: NotRequired[float | None]
    health_grade: NotRequired[str | None]
    version: str


class Event(TypedDict):
    """One event of the customer's activity timeline."""

    customer_id: str
    at: str
    kind: str
    title: str
    amount: float | None
    bad: bool
    detail: str


class Contact(TypedDict):
    """The newest contact that the company made with a customer in 90 days."""

    at: str
    action: str
    outcome: str


class CustomerCard(TypedDict):
    """Everything that is known about one customer."""

    customer: dict[str, Fact]
    as_of: str
    state: str
    answers: list[Answer]
    scores: list[PastScore]
    change: ChangeAnswer | None
    events: list[Event]
    chain: Stakeholders | None
    tree: AccountNode | None
    rfm: RfmFacts | None
    figures: dict[str, Figures]
    levers: list[Lever]
    actions: list[RecommendedAction]
    strategies: list[StrategyNote]
    deals: list[Deal]
    signals: list[TextSignal]
    risks: list[RiskCategory]
    risk_sentence: str | None
    industry_place: IndustryPosition | None
    feedback: list[FeedbackReceipt]
    contacted: Contact | None


class ListedCustomer(TypedDict):
    """One row of the list of customers."""

    customer_id: str
    owner: str | None
    tier: str | None
    probability: float | None
    percentile: float | None
    value_at_risk: float | None
    health_score: NotRequired[float | None]
    health_grade: NotRequired[str | None]
    risk_band: NotRequired[str | None]
    spend_if_retained: NotRequired[float | None]
    revenue_at_risk: NotRequired[float | None]
    expected_revenue: NotRequired[float | None]
    savable: NotRequired[float | None]
    list: NotRequired[str]
    expected_value: NotRequired[float | None]
    lead_grade: NotRequired[str | None]
    win_back_value: NotRequired[float | None]


class CustomersPage(TypedDict):
    """A page; ``next`` is the ``after`` of the following page, null at the end."""

    as_of: str
    customers: list[ListedCustomer]
    next: str | None


class FeedbackReceipt(TypedDict):
    """The stored feedback, with the score that the person saw."""

    id: int
    at: str
    by: str
    customer_id: str
    target: str
    verdict: str
    comment: str
    action: str
    until: str | None
    model_version: str | None
    probability: float | None
    repeated: NotRequired[bool]

"""Types of the parts of a customer's answer and profile: health, cards, actions, deals, people, accounts, risks."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class HealthPart(TypedDict):
    """One additive part of the health score: the model's, a dimension's, or the cap of a grave event."""

    name: str
    label: str
    points: float


class Health(TypedDict):
    """The health of a customer; ``parts`` add up to ``score`` and ``outlook`` is a probability by grade."""

    score: float
    grade: str
    label: str
    strategy: str
    weight: float
    parts: list[HealthPart]
    dimensions: dict[str, float | None]
    dimension_labels: dict[str, str]
    before_30d: float | None
    grade_30d: str | None
    outlook: dict[str, float] | None
    notes: list[str]


class RecommendedAction(TypedDict):
    """What to do, who does it and by when, and the fact or the reason that calls for it."""

    code: str
    family: str
    text: str
    who: str
    due: str
    because: str
    steps: list[str]
    deadline: str | None
    reason: str | None


class CardScore(TypedDict):
    """The score of one card; ``own_fifths`` names the indicators whose bands are the company's own fifths."""

    name: str
    label: str
    score: float | None
    scale: list[float]
    tier: str | None
    tier_label: str | None
    own_fifths: list[str]


class RfmScores(TypedDict):
    """The scores 1 to 5 of recency, frequency and spend, their cell such as R1F3M4, and the grade, 5 the best."""

    r: int | None
    f: int | None
    m: int | None
    rfm_cell: str | None
    segment: str | None
    rfm_grade: int | None
    rfm_top: bool | None


class RfmSegment(RfmScores):
    """RFM scores with the segment in words and its strategy."""

    segment_label: str | None
    strategy: str | None


class RfmFacts(RfmScores):
    """RFM scores with the facts behind them; ``orders`` is orders a quarter, ``spend`` all net spend so far."""

    recency_days: float | None
    orders: float
    spend: float | None


class StrategyNote(TypedDict):
    """The playbook's strategy for a tier of the card ``of``, or for the RFM segment."""

    of: str
    label: str
    value: str
    text: str


class Person(TypedDict):
    """A contact of the customer: strength of the relation 0 to 1, day of the last contact, contacts in 180 days."""

    contact_id: str
    name: str | None
    role: str | None
    level: str | None
    strength: float
    last: str | None
    contacts: int


class Stakeholders(TypedDict):
    """The people who decide, the roles that are missing, and the next step."""

    people: list[Person]
    gaps: list[str]
    single_thread: bool
    next_step: str | None


class AccountNode(TypedDict):
    """One account with those below it; null in an account that the viewer may not see, which ``hidden`` counts."""

    customer_id: str | None
    name: str | None
    tier: str | None
    probability: float | None
    value: float | None
    value_at_risk: float | None
    health_grade: str | None
    health_score: float | None
    children: list[AccountNode]
    hidden: int
    total_value: NotRequired[float]
    total_at_risk: NotRequired[float]
    driven_by: NotRequired[str | None]


class Lever(TypedDict):
    """A fact that the company can change: its range, and what the better end gains in probability."""

    feature: str
    label: str
    unit: str
    value: float
    low: float
    high: float
    step: float
    family: str
    gain: NotRequired[float]
    best: NotRequired[float]


class DealPart(TypedDict):
    """The score 0 to 100 of one dimension of the deal card; null where no check of it has a weight."""

    name: str
    label: str
    score: float | None


class MissingCheck(TypedDict):
    """A check of the deal card that is not a yes: ``answer`` is ``no`` or ``unknown``."""

    check: str
    answer: str
    label: str
    step: str | None


class UnmetPerson(TypedDict):
    """A contact whose role counts in a decision and whom nobody has talked to."""

    name: str
    role: str | None
    level: str | None


class Deal(TypedDict):
    """An open deal with its score, what is missing, its time in stage and what holds it."""

    opportunity_id: str
    customer_id: str
    name: NotRequired[str | None]
    owner: NotRequired[str | None]
    opened_at: str
    stage: str | None
    amount: float | None
    competitor: str | None
    days_open: int
    days_in_stage: int
    usual_days_in_stage: float | None
    stalled: bool
    score: float | None
    tier: str | None
    tier_label: str | None
    known: float
    win_rate: float | None
    strategy: str | None
    parts: list[DealPart]
    missing: list[MissingCheck]
    next_check: str | None
    next_step: str | None
    never_met: list[UnmetPerson]
    blockers: list[str]


class TextSignal(TypedDict):
    """A need, praise, pain or intent in what the customer wrote, with the quoted words."""

    customer_id: str
    at: str
    channel: str | None
    signal: str
    quote: str


class RiskCategory(TypedDict):
    """The risk events of one category in twelve months, cases as plaintiff apart."""

    customer_id: str
    name: str | None
    category: str
    records: int
    amount: float
    defendant_share: float | None
    latest: str
    grave: NotRequired[bool]
    important: NotRequired[str | None]
    defendant_records: NotRequired[int]
    plaintiff_records: NotRequired[int]


class IndustryPosition(TypedDict):
    """The customer's place by probability among the scored customers of its industry."""

    industry: str
    customers: int
    higher_risk: int
    mean_probability: float
    growth: float | None
    high_risk_share: float | None

"""The fields of an answer as JSON; what the server sends adds figures to them, and mypy compares the two shapes."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from rapport.scoring.models.timing.event_timing import TimedEvent

Fact = float | int | str | None
# typing keeps one union for equal literals, whatever their order: evaluated at import, `Certainty | None` would reorder
# the risk bands of the OpenAPI document. So the modules that use it do not evaluate annotations.
Certainty = Literal["high", "medium", "low"]


class ReasonFields(TypedDict):
    """A reason as JSON."""

    code: str
    family: str
    text: str
    evidence: float
    points: float
    facts: dict[str, Fact]
    peers: Fact
    actionable: bool
    advice: str | None
    sign: str
    unit: str | None
    window: str | None
    contrary: bool
    topic: str
    families: list[str]


class SourceFields(TypedDict):
    """The model of an answer as JSON."""

    name: str
    version: str
    card: str | None
    grade: str
    basis: str
    basis_note: str


class AnswerFields(TypedDict):
    """An answer as JSON, without the figures of the portfolio."""

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
    reasons: list[ReasonFields]
    other_evidence: float | None
    other_points: float | None
    model: SourceFields
    out_of_range: list[str]
    certainty: Certainty | None
    certainty_note: str | None


class TimingPointFields(TypedDict):
    """The chance at one horizon as JSON."""

    horizon: str
    date: str
    probability: float
    extrapolated: bool


class TimingFields(TypedDict):
    """When the event comes, as JSON; ``note`` says why an older model cannot tell."""

    event: TimedEvent | None
    meaning: str
    curve: list[TimingPointFields]
    note: str
    expected_from: str | None
    expected_date: str | None
    expected_to: str | None


class ActionFields(TypedDict):
    """A recommended action as JSON."""

    code: str
    family: str
    text: str
    who: str
    due: str
    because: str
    steps: list[str]
    deadline: str | None
    reason: str | None

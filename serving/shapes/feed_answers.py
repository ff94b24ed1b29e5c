"""Shapes of the answers about what changes: received events, the change feed, the effect of contact."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from .answers import Fact


class EventsReceipt(TypedDict):
    """What was stored; the rows survive a crash and are in every answer from now on."""

    accepted: int
    repeated_events: int
    received_at: str
    last: int
    unused_tables: list[str]
    repeated: NotRequired[bool]


class AlertFields(TypedDict):
    """An alert with its sentence in both languages; ``at_stake`` is the revenue at risk, ``priority`` 1 the highest."""

    id: str
    customer_id: str
    rule: str
    cause: str
    priority: int
    as_of: str
    en: str
    zh: str
    at_stake: float
    seen_once: bool


class Change(TypedDict):
    """One change; ``state`` is the whole new state, null for a customer that is no longer scored."""

    seq: int
    at: str
    target: str
    customer_id: str
    customer_seq: int
    cause: Literal["run", "event", "alert"]
    kinds: list[str]
    points: float | None
    as_of: str
    state: dict[str, Fact] | None
    alert: AlertFields | None


class ChangesPage(TypedDict):
    """Changes in order; ``next`` is the cursor of the following request."""

    changes: list[Change]
    next: int
    more: bool


class EffectCell(TypedDict):
    """The effect in one cell: rates of the good outcome, their difference; the anytime interval holds at every look."""

    cell: str
    contacted: int
    held_out: int
    rate_contacted: float
    rate_held_out: float
    difference: float
    low: float
    high: float
    anytime_low: float
    anytime_high: float
    p_value: float
    needed: int | None
    verdict: str
    p_corrected: NotRequired[float]


class Uplift(TypedDict):
    """How an uplift model ranks beside the score: Qini coefficients; ``fifths`` by predicted uplift, highest first."""

    verdict: Literal["not_enough_data", "not_better", "better"]
    customers: int
    qini: float | None
    qini_score: float | None
    difference: float | None
    anytime_low: float | None
    anytime_high: float | None
    fifths: list[dict[str, float]]
    summary: dict[str, str]


class EffectReport(TypedDict):
    """What contact did, against held-out customers; ``verdict`` is proven, harms or not_proven."""

    seed: int
    share: float
    as_of: str
    drawn: int
    matured: int
    early_outcome: str
    bound: str
    contacted_share: float | None
    contaminated_share: float | None
    primary: EffectCell | None
    cells: list[EffectCell]
    spend_per_customer: dict[str, float | None]
    verdict: Literal["proven", "harms", "not_proven"]
    summary: dict[str, str]
    contact_effect: float | None
    average_contact_effect: NotRequired[float | None]
    assumed_contact_effect: NotRequired[float]
    uplift: NotRequired[Uplift]

"""Shapes of the answers about what changes: received events, the change feed, the effect of contact."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

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
    alert: dict[str, Any] | None


class ChangesPage(TypedDict):
    """Changes in order; ``next`` is the cursor of the following request."""

    changes: list[Change]
    next: int
    more: bool


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
    primary: dict[str, Any] | None
    cells: list[dict[str, Any]]
    spend_per_customer: dict[str, float | None]
    verdict: Literal["proven", "harms", "not_proven"]
    summary: dict[str, str]
    contact_effect: float | None
    average_contact_effect: NotRequired[float | None]
    assumed_contact_effect: NotRequired[float]
    uplift: NotRequired[dict[str, Any]]

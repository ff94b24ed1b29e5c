"""Types of the answers about deals, analytics and the evaluation report."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from .customer_parts import Deal


class DealList(TypedDict):
    """Open deals, what past deals say about the card that scores them, and their total."""

    as_of: str
    deals: list[Deal]
    count: int
    amount: float
    card: dict[str, Any]


class Analysis(TypedDict, total=False):
    """One analysis: its rows, the figures about it, and how many rows of other owners are not shown."""

    name: str
    title: str
    note: str
    as_of: str
    rows: list[dict[str, Any]]
    facts: dict[str, Any]
    hidden: int
    names: list[dict[str, str]]


class Report(TypedDict):
    """A report: HTML as text, or a PDF as base64."""

    customer_id: str
    format: str
    language: str
    content: str

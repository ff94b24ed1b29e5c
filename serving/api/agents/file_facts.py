"""The facts of a customer's file by kind and unit, as a check of drafts needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rapport.serving.api.agents.patterns import DATE, NUMBER, Amount, Day, amount_of, date_of

_PERCENT = re.compile(r"probab|percentile|points|share|interval|rate$|peers|low$|high$|score|weight|strength")
_DAYS = re.compile(r"days|gap|age|recency|tenure|_since|hours")
_MONEY = re.compile(r"amount|value|revenue|spend|price|saved|savable|clv|money|total|basis|cost")
_OWN_SENTENCES = ("text", "advice", "label", "next_step", "strategy", "sentence", "because")
_NAMES = frozenset(
    {"name", "owner", "industry", "region", "source", "title", "competitor", "by", "who", "customer_id", "contact_id"}
)
# What drafts capitalise without naming anyone.
_COMMON = re.compile(
    r"\b(?:Dear|Hello|Best|Kind|Regards|Account|Manager|Sales|Team|Customer|Success|Churn|Risk|Conversion|Key|Next|"
    r"Step|Quarter|Health|Score|The|This|They|Their|We|Our|It|Its|In|On|At|As|And|But|If|For|No|Last|Since|Call|"
    r"Contact|Please|Revenue|Orders?|Summary|Action|Plan)\b"
)


@dataclass
class FileFacts:
    """Numbers by unit, dates, names and the direction of the last change."""

    amounts: dict[str, list[float]] = field(default_factory=dict)
    dates: list[date] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    direction: int = 0

    def has_amount(self, amount: Amount) -> bool:
        """Return whether a figure of the same unit rounds to the number as it was written."""
        half = amount.step / 2 * 1.0001 + 1e-9
        return any(abs(abs(known) - amount.value) <= half for known in self.amounts.get(amount.unit, ()))

    def has_date(self, day: Day) -> bool:
        """Return whether the file has the date."""
        return any(day.fits(known) for known in self.dates)

    def has_name(self, name: str) -> bool:
        """Return whether a name of the file contains the name, or is contained in it."""
        return any(name in known or (len(known) > 3 and known in name) for known in self.names)

    def is_common(self, name: str) -> bool:
        """Return whether capitalised words name nobody: words that open sentences, and terms of the field."""
        return not _COMMON.sub("", name).strip(" -")

    @property
    def longest_first(self) -> list[str]:
        """Return the names with digits or several words, longest first."""
        return sorted((name for name in self.names if len(name) > 1), key=len, reverse=True)


def facts_of(file: Mapping[str, Any]) -> FileFacts:
    """Collect the facts of a customer's file."""
    facts = FileFacts()
    for key, value in _leaves(file):
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int | float):
            _add_number(facts, key, float(value))
        else:
            _add_text(facts, key, str(value))
    change = file.get("change") or {}
    moved = (change.get("after") or 0.0) - (change.get("before") or 0.0)
    facts.direction = (moved > 0) - (moved < 0)
    if change:
        facts.amounts.setdefault("percent", []).append(moved * 100)
    return facts


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each, key)
    else:
        yield key, value


def _add_number(facts: FileFacts, key: str, value: float) -> None:
    name = key.rsplit(".", 1)[-1]
    if _DAYS.search(name):
        facts.amounts.setdefault("days", []).append(value)
    elif _MONEY.search(name):
        facts.amounts.setdefault("money", []).append(value)
    elif _PERCENT.search(name):
        facts.amounts.setdefault("percent", []).append(value if name in ("percentile", "peers") else value * 100)
    if not _MONEY.search(name) and value == int(value):
        facts.amounts.setdefault("count", []).append(value)


def _add_text(facts: FileFacts, key: str, text: str) -> None:
    name = key.rsplit(".", 1)[-1]
    if name in _NAMES and text:
        facts.names.add(text)
    for found in DATE.finditer(text[:400]):
        day = date_of(found)
        if day is not None and day.year and day.day:
            facts.dates.append(_date(day))
    if name in _OWN_SENTENCES:
        for found in NUMBER.finditer(text):
            amount = amount_of(found)
            facts.amounts.setdefault(amount.unit, []).append(amount.value)


def _date(day: Day) -> date:
    try:
        return date(day.year or 1, day.month, day.day or 1)
    except ValueError:
        return date(1, 1, 1)

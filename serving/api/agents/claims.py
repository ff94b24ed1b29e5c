"""Check a text about a customer: each number, date, name and direction is supported by the customer's file or not.

No language model: claims are found by patterns, and compared with the facts of the file by kind and unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from rapport.serving.api.agents.file_facts import FileFacts, facts_of
from rapport.serving.api.agents.patterns import DATE, DIRECTION, NAME_EN, NAME_ZH, NUMBER, amount_of, date_of

Kind = Literal["number", "date", "name", "direction"]
_DOWN = re.compile(
    r"(?:fell|fall|drop|declin|decreas|lower|improv|eased|down|下降|降低|减少|回落|下跌|好转)", re.IGNORECASE
)


class Claim(BaseModel):
    """One claim of the text: where it stands, what it says, and whether the file supports it."""

    kind: Kind
    text: str
    start: int
    supported: bool
    why: str


class DraftCheck(BaseModel):
    """All claims of a text; ``supported`` says whether every one of them is."""

    supported: bool
    claims: list[Claim]
    unsupported: list[str]


def check_text(text: str, file: Mapping[str, Any]) -> DraftCheck:
    """Return every claim of ``text`` with whether the customer's file supports it."""
    facts = facts_of(file)
    claims = sorted(_claims(text, facts), key=lambda claim: claim.start)
    unsupported = [claim.text for claim in claims if not claim.supported]
    return DraftCheck(supported=not unsupported, claims=claims, unsupported=unsupported)


def _claims(text: str, facts: FileFacts) -> Iterator[Claim]:
    left = _without_known(text, facts)
    for found in DATE.finditer(left):
        day = date_of(found)
        if day is not None:
            yield _claim("date", found, facts.has_date(day), "a date of the file", "no date of the file")
            left = _blank(left, found)
    yield from _numbers(left, facts)
    yield from _names(left, facts)
    yield from _directions(text, facts)


def _numbers(text: str, facts: FileFacts) -> Iterator[Claim]:
    for found in NUMBER.finditer(text):
        amount = amount_of(found)
        yes, no = f"a figure of the file in {amount.unit}", f"no such figure in {amount.unit}"
        yield _claim("number", found, facts.has_amount(amount), yes, no)


def _names(text: str, facts: FileFacts) -> Iterator[Claim]:
    for pattern in (NAME_EN, NAME_ZH):
        for found in pattern.finditer(text):
            name = found.group("name")
            if not facts.is_common(name):
                yield _claim("name", found, facts.has_name(name), "a name of the file", "no such name in the file")


def _directions(text: str, facts: FileFacts) -> Iterator[Claim]:
    if not facts.direction:
        return
    why = "the score rose" if facts.direction > 0 else "the score fell"
    for found in DIRECTION.finditer(text):
        claimed = -1 if _DOWN.search(found.group("way")) else 1
        yield _claim("direction", found, claimed == facts.direction, why, why)


def _claim(kind: Kind, found: re.Match[str], supported: bool, yes: str, no: str) -> Claim:
    text = found.group(0).strip()
    return Claim(kind=kind, text=text, start=found.start(), supported=supported, why=yes if supported else no)


def _without_known(text: str, facts: FileFacts) -> str:
    """Blank the ids and names that the file has, so that digits inside them are no claims."""
    for known in facts.longest_first:
        text = text.replace(known, " " * len(known))
    return text


def _blank(text: str, found: re.Match[str]) -> str:
    return text[: found.start()] + " " * (found.end() - found.start()) + text[found.end() :]

"""Check a text about a customer: each number, date, name and direction is supported by the customer's file or not.

No language model: claims are found by patterns, and compared with the facts of the file that are about the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from rapport.serving.api.agents.directions import movements
from rapport.serving.api.agents.file_facts import FileFacts, facts_of
from rapport.serving.api.agents.names import unknown_names
from rapport.serving.api.agents.patterns import CLAUSE, NUMBER, Day, blank, table
from rapport.serving.api.agents.reading import Mention, read

MAX_CHARACTERS, MAX_NUMBERS = 20_000, 500
Kind = Literal["number", "date", "name", "direction"]


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


def is_too_long(text: str) -> bool:
    """Return whether a text would take seconds to check: it is checked in parts instead."""
    return len(text) > MAX_CHARACTERS or sum(1 for _ in NUMBER.finditer(text)) > MAX_NUMBERS


def check_text(text: str, file: Mapping[str, Any]) -> DraftCheck:
    """Return every claim of ``text`` with whether the customer's file supports it."""
    return check_claims(text, facts_of(file))


def check_claims(text: str, facts: FileFacts) -> DraftCheck:
    """Return every claim of ``text`` with whether these facts support it."""
    claims = sorted(_claims(text, facts), key=lambda claim: claim.start)
    unsupported = [claim.text for claim in claims if not claim.supported]
    return DraftCheck(supported=not unsupported, claims=claims, unsupported=unsupported)


def _claims(text: str, facts: FileFacts) -> Iterator[Claim]:
    left = text
    for name in facts.longest_first:
        for found in list(re.finditer(re.escape(name), left)):
            if (claim := _role(found, left, facts.names[name])) is not None:
                yield claim
            left = blank(left, *found.span())
    mentions, words = read(left, text)
    yield from _of_mentions(mentions, left, facts)
    for start, name in unknown_names(words):
        known = facts.has_name(name)
        yield Claim(kind="name", text=name, start=start, supported=known, why=_why(known, "name"))
    yield from _directions(words, facts)


def _role(found: re.Match[str], text: str, roles: set[str]) -> Claim | None:
    """Return a claim about a known name that stands beside the word of another role than its own."""
    if not roles:
        return None
    start = max((cut.end() for cut in CLAUSE.finditer(text, 0, found.start())), default=0)
    end = next((cut.start() for cut in CLAUSE.finditer(text, found.end())), len(text))
    named = {role for role, words in table()["roles"].items() if words.search(text, start, end)}
    if not named:
        return None
    why = "the file gives this role" if named & roles else "the file gives another role"
    return Claim(kind="name", text=found.group(), start=found.start(), supported=bool(named & roles), why=why)


def _of_mentions(mentions: list[Mention], text: str, facts: FileFacts) -> Iterator[Claim]:
    """Yield the claims of numbers and dates: a figure that a sentence says twice needs two facts."""
    said: dict[tuple[int, object], set[object]] = {}
    for mention in mentions:
        supporting = facts.supporting(mention)
        if supporting is None:
            continue
        kind: Kind = "date" if isinstance(mention.written, Day) else "number"
        found = {fact.about for fact in supporting}
        earlier = said.setdefault((mention.at, mention.written), set())
        supported = bool(found - earlier) or bool(
            found and (kind == "date" or table()["again"].search(text, mention.at, mention.start))
        )
        earlier |= found
        about = ", ".join(sorted(mention.context.topics)).replace("_", " ")
        written = text[mention.start : mention.end].strip()
        yield Claim(kind=kind, text=written, start=mention.start, supported=supported, why=_why(supported, kind, about))


def _why(supported: bool, kind: str, about: str = "") -> str:
    of = f" about {about}" if about else ""
    return f"a {kind} of the file{of}" if supported else f"no such {kind} in the file{of}"


def _directions(text: str, facts: FileFacts) -> Iterator[Claim]:
    moved = {"risk": facts.direction, "health": facts.health_direction}
    for one in movements(text):
        if actual := moved.get(one.topic):
            why = f"the {'score' if one.topic == 'risk' else 'health score'} {'rose' if actual > 0 else 'fell'}"
            yield Claim(kind="direction", text=one.text, start=one.start, supported=one.way == actual, why=why)

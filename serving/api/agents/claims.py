"""Check a text about a customer: each number, date, name and direction is supported by the customer's file or not.

No language model: claims are found by patterns, and compared with the facts of the file that are about the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from rapport.serving.api.agents.file_facts import FileFacts, facts_of
from rapport.serving.api.agents.patterns import CLAUSE, DIRECTION, NUMBER, Day, blank, table
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
    for mention in mentions:
        yield _of_mention(mention, left, facts)
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


def _of_mention(mention: Mention, text: str, facts: FileFacts) -> Claim:
    kind: Kind = "date" if isinstance(mention.written, Day) else "number"
    supported = facts.supports(mention)
    written = text[mention.start : mention.end].strip()
    about = ", ".join(sorted(mention.context.topics)).replace("_", " ")
    return Claim(kind=kind, text=written, start=mention.start, supported=supported, why=_why(supported, kind, about))


def _why(supported: bool, kind: str, about: str = "") -> str:
    of = f" about {about}" if about else ""
    return f"a {kind} of the file{of}" if supported else f"no such {kind} in the file{of}"


def _directions(text: str, facts: FileFacts) -> Iterator[Claim]:
    if not facts.direction:
        return
    why = "the score rose" if facts.direction > 0 else "the score fell"
    for found in DIRECTION.finditer(text):
        claimed = -1 if found.group("down") else 1
        written = found.group(0).strip()
        yield Claim(kind="direction", text=written, start=found.start(), supported=claimed == facts.direction, why=why)


_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•\-–—*(\"“«])\s*$")
_CAPITALISED = re.compile(r"(?<![A-Za-z])[A-Z][a-z]+(?:[ -][A-Z][a-z]+)*(?![A-Za-z])")
_NAMING = re.compile(
    r" (?:competes|bids|is (?:bidding|competing)|is (?:the|a|our|their) (?:\w+ )?(?:competitor|rival|contact|owner))\b"
)

_LABEL = re.compile(
    r"\b(?:competitors?|rivals?|owner|manager|contact|decision[- ]maker|user)\b[^.!?\n:]{0,30}:\s*$", re.IGNORECASE
)


@cache
def _chinese() -> re.Pattern[str]:
    """Return the expression of Chinese names: a surname between words that stand around people, or a company."""
    part = table()["chinese_names"]
    one = rf"[{part['surnames']}][\u4e00-\u9fff]{{1,2}}"
    person = rf"(?!{part['words']}){one}?"
    return re.compile(
        rf"(?<![\u4e00-\u9fff])(?P<start>{person})(?:{part['titles']}|{part['after']}|\s)"
        rf"|(?<=[A-Za-z.,;:!?] )(?P<latin>{one})(?=[ ,.!?:;]|$)"
        rf"|^(?P<first>{one})(?=,? [a-z])"
        rf"|(?P<titled>{one}?)(?:{part['titles']})"
        rf"|(?:{part['before']})(?P<name>{person})(?=[，。、；！？：,.!?:\s]|$|{part['after']}|{part['then']})"
        r"|(?P<company>[\u4e00-\u9fff]{2,14}?(?:有限公司|股份公司|集团公司|集团))"
    )


def _opens_sentence(text: str, found: re.Match[str]) -> bool:
    """Return whether the word has its capital from opening a sentence: not in Chinese, nor beside words of roles."""
    if _LABEL.search(text[: found.start()]):
        return False
    if _NAMING.match(text, found.end()) or re.match(r"\s*[\u4e00-\u9fff]", text[found.end() :]):
        return False
    return bool(_SENTENCE_START.search(text[: found.start()]))


def unknown_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of what looks like a name."""
    for found in _CAPITALISED.finditer(text):
        words = [word for word in re.split(r"[ -]", found.group()) if word not in table()["common"]]
        single = len(words) == 1
        if words and not (single and _opens_sentence(text, found)):
            yield found.start(), " ".join(words)
    for found in _chinese().finditer(text):
        kind = next(name for name, value in found.groupdict().items() if value)
        yield found.start(kind), found.group(kind)

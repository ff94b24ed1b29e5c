"""Check a text about a customer: each number, date, name and direction is supported by the customer's file or not.

No language model: claims are found by patterns, a linear scorer says what each is about, and it is compared with the
facts of the file that are about the same thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from rapport.serving.api.agents.features import features
from rapport.serving.api.agents.file_facts import FileFacts, facts_of
from rapport.serving.api.agents.names import unknown_names
from rapport.serving.api.agents.patterns import CLAUSE, NUMBER, Day, blank, table
from rapport.serving.api.agents.scorer import NOTHING, exclusive, moved, probabilities
from rapport.serving.api.agents.tokens import Token, mentions_in, nearby, tokens_of, ways_in

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


def check_text(text: str, file: Mapping[str, object]) -> DraftCheck:
    """Return every claim of ``text`` with whether the customer's file supports it."""
    return check_claims(text, facts_of(file))


def check_claims(text: str, facts: FileFacts) -> DraftCheck:
    """Return every claim of ``text`` with whether these facts support it."""
    claims = sorted(_claims(text, facts), key=lambda claim: claim.start)
    unsupported = [claim.text for claim in claims if not claim.supported]
    return DraftCheck(supported=not unsupported, claims=claims, unsupported=unsupported)


def _claims(text: str, facts: FileFacts) -> Iterator[Claim]:
    tokens = tokens_of(text, facts.longest_first, facts.as_of)
    left = text
    for token in tokens:
        if token.name and (claim := _role(token, text, facts.names[token.name])) is not None:
            yield claim
        if token.name or token.written is not None:
            left = blank(left, token.start, token.end)
    quoted = _quoted(text, facts)
    yield from _of_mentions(text, tokens, facts, quoted)
    for start, name in unknown_names(left):
        known = facts.has_name(name)
        yield Claim(kind="name", text=name, start=start, supported=known, why=_why(known, "name"))
    for claim in _directions(text, tokens, facts):
        if not any(start <= claim.start < end for start, end in quoted):
            yield claim


def _role(token: Token, text: str, roles: set[str]) -> Claim | None:
    """Return a claim about a known name that stands beside the word of another role than its own."""
    known = table()["roles"].keys()
    if not roles & known:
        return None
    start = max((cut.end() for cut in CLAUSE.finditer(text, 0, token.start)), default=0)
    end = next((cut.start() for cut in CLAUSE.finditer(text, token.end)), len(text))
    named = {role for role, words in table()["roles"].items() if words.search(text, start, end)}
    if not named:
        return None
    why = "the file gives this role" if named & roles else "the file gives another role"
    return Claim(kind="name", text=token.name, start=token.start, supported=bool(named & roles), why=why)


def _of_mentions(
    text: str, tokens: Sequence[Token], facts: FileFacts, quoted: Sequence[tuple[int, int]]
) -> Iterator[Claim]:
    """Yield the claims of numbers and dates: a number that a sentence says twice needs two facts."""
    positions = mentions_in(tokens)
    earlier: dict[tuple[int, object], set[str]] = {}
    alone = [probabilities(features(tokens, positions, which)) for which in range(len(positions))]
    every = exclusive(alone, [tokens[at].sentence for at in positions])
    for at, first, shares in zip(positions, alone, every, strict=True):
        token = tokens[at]
        if token.written is None:
            continue
        supporting = facts.supporting(token.written, shares, nearby(tokens, at))
        is_quoted = any(start <= token.start < end for start, end in quoted)
        if supporting is None and not is_quoted:
            continue
        kind: Kind = "date" if isinstance(token.written, Day) else "number"
        used = earlier.setdefault((token.sentence, token.written), set())
        is_repeated = kind == "date" or max(first, key=first.__getitem__) in used
        supported = is_quoted or bool(supporting and (is_repeated or supporting - used))
        if supporting and len(supporting - used) == 1:
            used |= supporting
        topic = max((name for name in shares if name != NOTHING), key=shares.__getitem__).replace("_", " ")
        yield Claim(
            kind=kind, text=text[token.start : token.end], start=token.start, supported=supported,
            why=_why(supported, kind, topic),
        )  # fmt: skip


def _quoted(text: str, facts: FileFacts) -> list[tuple[int, int]]:
    """Return where the text quotes a sentence of the file."""
    spans = ((text.find(sentence), len(sentence)) for sentence in facts.sentences)
    return [(start, start + length) for start, length in spans if start >= 0]


def _why(supported: bool, kind: str, about: str = "") -> str:
    of = f" about {about}" if about else ""
    return f"a {kind} of the file{of}" if supported else f"no such {kind} in the file{of}"


def _directions(text: str, tokens: Sequence[Token], facts: FileFacts) -> Iterator[Claim]:
    """Yield the claims that the churn risk, the health score or the interactions rose or fell."""
    for marked, at, way in ways_in(tokens):
        around = sorted([*mentions_in(marked), at])
        topic = moved(probabilities(features(marked, around, around.index(at))))
        if actual := facts.directions.get(topic, 0):
            why = f"the {topic.split('_')[0]} {'rose' if actual > 0 else 'fell'}"
            yield Claim(
                kind="direction",
                text=text[marked[at].start : marked[at].end],
                start=marked[at].start,
                supported=way == actual,
                why=why,
            )

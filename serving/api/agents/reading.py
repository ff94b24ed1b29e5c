"""Read a text: its numbers and dates, each with what it is about.

The same reading serves drafts and the sentences of a customer's file, so that a quoted sentence is always supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rapport.serving.api.agents.patterns import (
    CLAUSE,
    DATE,
    NUMBER,
    SENTENCE,
    Amount,
    Day,
    amount_of,
    blank,
    date_of,
    days_of,
    table,
)


@dataclass(frozen=True)
class Context:
    """What a number or date is about; ``peers`` is other customers, this one, or (None) either."""

    topics: frozenset[str] = frozenset()
    peers: bool | None = False
    past: bool = False
    now: bool = False
    sign: int = 0
    windows: frozenset[float] = frozenset()


@dataclass(frozen=True)
class Mention:
    """One number or date of a text, where it stands, and its context; ``days`` are the dates of its sentence."""

    start: int
    end: int
    written: Amount | Day
    context: Context
    days: tuple[Day, ...] = ()
    sentence: str = ""
    # What the whole sentence is about, where its clause is about something of which no such figure is known.
    around: frozenset[str] = frozenset()


@dataclass
class _Clause:
    start: int
    end: int
    topics: list[tuple[int, int, str]] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)


def read(text: str, original: str = "") -> tuple[list[Mention], str]:
    """Return the numbers and dates of a text, and the text without them; ``original`` still has its names."""
    mentions: list[Mention] = []
    left = text
    for start, end in _pieces(SENTENCE, text, 0, len(text)):
        found, left = _read_sentence(left, start, end)
        mentions += [replace(one, sentence=original[start:end]) for one in found]
    return mentions, left


def _read_sentence(text: str, start: int, end: int) -> tuple[list[Mention], str]:
    dates = [(found, day) for found in DATE.finditer(text, start, end) if (day := date_of(found))]
    left = text
    for found, _ in dates:
        left = blank(left, *found.span())
    periods = [(found.start(), _period(found)) for found in table()["windows"].finditer(left, start, end)]
    plain = left
    for words in ("windows", "scale_top"):
        for found in table()[words].finditer(left, start, end):
            plain = blank(plain, *found.span())
    clauses = [_Clause(*span) for span in _pieces(CLAUSE, left, start, end)]
    for phrase in _topics(left[:end], start):
        _holder(clauses, phrase[0]).topics.append(phrase)
    for position, length in periods:
        _holder(clauses, position).windows.append(length)
    days = tuple(day for _, day in dates)
    found_all: list[tuple[tuple[int, int], Amount | Day]] = [(found.span(), day) for found, day in dates]
    found_all += [(found.span(), amount_of(found)) for found in NUMBER.finditer(plain, start, end)]
    around = frozenset(name for clause in clauses for _, _, name in clause.topics)
    mentions = [
        Mention(*span, written, _context(left, clauses, span, written), days, around=around)
        for span, written in found_all
    ]
    for mention in mentions:
        plain = blank(plain, mention.start, mention.end)
    return mentions, plain


def _pieces(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for found in pattern.finditer(text, start, end):
        yield begin, found.end()
        begin = found.end()
    yield begin, end


def _holder(clauses: list[_Clause], position: int) -> _Clause:
    return next(clause for clause in clauses if position < clause.end or clause is clauses[-1])


def _topics(text: str, start: int) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and topic of the phrases of a sentence; the words of one are no other's."""
    for name, pattern in table()["topics"].items():
        for found in list(pattern.finditer(text, start)):
            if found.end() > found.start():
                yield *found.span(), name
                text = blank(text, *found.span())


def _period(found: re.Match[str]) -> float:
    get = {name: value for name, value in found.groupdict().items() if value}
    unit = next((value for name, value in get.items() if name.startswith("u")), "year")
    count = next((value for name, value in get.items() if name.startswith("n")), "1")
    return days_of(unit, float(count))


def _context(text: str, clauses: list[_Clause], span: tuple[int, int], written: Amount | Day) -> Context:
    at = clauses.index(_holder(clauses, span[0]))
    clause = clauses[at]
    own = text[clause.start : clause.end]
    before = re.split(r"\d", text[max(clause.start, span[0] - 40) : span[0]])[-1]
    near = before + text[span[0] : min(clause.end, span[1] + 24)]
    words = table()
    now = bool(words["now"].search(before))
    start = before + text[span[0] : span[0] + 1]
    return Context(
        topics=_about(text, clauses, at, span[0]),
        peers=bool(words["peers"].search(own)),
        # In "from 78 a month ago to 74", the words before 74 are about 78.
        past=not now
        and bool(
            words["past"].search(start)
            or words["past"].match(text[span[1] :].lstrip())
            or (words["past_value"].search(start) and not (isinstance(written, Amount) and written.unit == "days"))
        ),
        now=now,
        sign=bool(words["up"].search(near)) - bool(words["down"].search(near)),
        windows=frozenset(clause.windows),
    )


def _about(text: str, clauses: list[_Clause], at: int, position: int) -> frozenset[str]:
    """Return the topics of the clause; those of the nearest clause before it, else after it, if it names none."""
    order = [at, *range(at - 1, -1, -1), *range(at + 1, len(clauses))]
    found: list[tuple[int, int, str]] = next((clauses[one].topics for one in order if clauses[one].topics), [])
    apart = {name for start, end, name in found if _is_of_another(text, start, end, position)}
    return frozenset({name for _, _, name in found} - (apart & table()["exclusive"]))


def _is_of_another(text: str, start: int, end: int, position: int) -> bool:
    """Return whether a phrase speaks of another number: in "16 % is above 63 % of all", only 63 is a percentile."""
    between = text[end:position] if start < position else text[end : end + 8]
    return bool(re.search(r"\d", between))

"""Read a text: its numbers and dates, each with what it is about.

The same reading serves drafts and the sentences of a customer's file, so that a quoted sentence is always supported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
from rapport.serving.api.agents.weighing import Clause, holder, is_of_another, weights_of


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
    """One number or date of a text, where it stands, and its context.

    ``weights`` says how much the words of the sentence speak for each topic: most in the same clause, and most of all
    a phrase that holds the number itself. ``days`` are the dates of the sentence on which something was so,
    ``own_days`` those of its clause.
    """

    start: int
    end: int
    written: Amount | Day
    context: Context
    weights: Mapping[str, float] = field(default_factory=dict)
    days: tuple[Day, ...] = ()
    own_days: tuple[Day, ...] = ()
    is_of_risk: bool | None = None
    sentence: str = ""
    before: str = ""
    at: int = 0

    @property
    def named(self) -> Context:
        """Return the context with what its sentence speaks for most, as that of a sentence of the file."""
        most = max(self.weights.values(), default=0.0)
        strongest = {topic for topic, weight in self.weights.items() if weight >= most - 0.5}
        return replace(self.context, topics=self.context.topics | strongest)

    @property
    def around_it(self) -> tuple[str, str]:
        """Return what stands before and after it in its sentence."""
        return self.sentence[: self.start - self.at], self.sentence[self.end - self.at :]


def read(text: str, original: str = "") -> tuple[list[Mention], str]:
    """Return the numbers and dates of a text, and the text without them; ``original`` still has its names."""
    mentions: list[Mention] = []
    left = text
    before = ""
    for start, end in pieces(SENTENCE, text, 0, len(text)):
        found, left = _read_sentence(left, start, end)
        mentions += [replace(one, sentence=original[start:end], before=before) for one in found]
        before = original[start:end] if original[start:end].strip() else before
    return mentions, left


def _read_sentence(text: str, start: int, end: int) -> tuple[list[Mention], str]:
    words = table()
    dates = [(found, day) for found in DATE.finditer(text, start, end) if (day := date_of(found))]
    left = text
    for found, _ in dates:
        left = blank(left, *found.span())
    periods = [(found.start(), _period(found)) for found in words["windows"].finditer(left, start, end)]
    plain = left
    for kind in ("windows", "scale_top", "aside"):
        for found in words[kind].finditer(left, start, end):
            plain = blank(plain, *found.span(found.lastindex if kind == "aside" and found.lastindex else 0))
    clauses = [Clause(*span) for span in pieces(CLAUSE, left, start, end)]
    for phrase in topics_in(left[:end], start):
        holder(clauses, phrase[0]).topics.append(phrase)
    for position, length in periods:
        holder(clauses, position).windows.append(length)
    days = [(found.start(), day) for found, day in dates if _is_day_of(text, found)]
    found_all: list[tuple[tuple[int, int], Amount | Day]] = [(found.span(), day) for found, day in dates]
    found_all += [
        (found.span(), amount_of(found)) for found in NUMBER.finditer(plain, start, end) if _is_claim(found, end)
    ]
    mentions = [
        Mention(
            *span,
            written,
            _context(left, clauses, span, written),
            weights_of(left, clauses, span),
            tuple(day for _, day in days),
            tuple(day for at, day in days if holder(clauses, at) is holder(clauses, span[0])),
            _is_of_risk(left, span, written),
            at=start,
        )
        for span, written in found_all
    ]
    for mention in mentions:
        plain = blank(plain, mention.start, mention.end)
    return mentions, plain


def _is_day_of(text: str, found: re.Match[str]) -> bool:
    """Return whether a date is one on which something was so, not one since which it is."""
    return text[found.end() :][:1] == "的" or not table()["since_when"].search(text[: found.start()][-14:])


_NOUN = re.compile(r" ([a-z]+)(?: ([a-z]+))?")


def _is_claim(found: re.Match[str], end: int) -> bool:
    """Return whether a number may be about the customer: not one that counts slides, ideas or options."""
    if found.group("chinese"):
        return found.group("chinese") != "一"
    if found.group("unit") or found.group("currency") or found.group("words") or found.group("scale"):
        return True
    noun = _NOUN.match(found.string[:end], found.end())
    if noun is None:
        return True
    words = table()
    return bool(words["bare"].fullmatch(noun[1])) or any(words["counted"].fullmatch(one or "") for one in noun.groups())


def pieces(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the parts that a pattern cuts a text into."""
    begin = start
    for found in pattern.finditer(text, start, end):
        yield begin, found.end()
        begin = found.end()
    yield begin, end


def topics_in(text: str, start: int) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and topic of the phrases of a sentence; the words of one are no other's."""
    for name, pattern in table()["topics"].items():
        for found in list(pattern.finditer(text, start)):
            if found.end() > found.start():
                yield *found.span(), name
                text = blank(text, *found.span())


def _period(found: re.Match[str]) -> float:
    get = {name: value for name, value in found.groupdict().items() if value}
    if {"uy3", "uy4"} & get.keys():
        return days_of("year", 3.0)
    unit = next((value for name, value in get.items() if name.startswith("u")), "year")
    count = next((value for name, value in get.items() if name.startswith("n")), "1")
    return days_of(unit, float(count))


def _context(text: str, clauses: list[Clause], span: tuple[int, int], written: Amount | Day) -> Context:
    at = clauses.index(holder(clauses, span[0]))
    clause = clauses[at]
    own = text[clause.start : clause.end]
    before = re.split(r"\d", text[max(clause.start, span[0] - 40) : span[0]])[-1]
    near = before + text[span[0] : min(clause.end, span[1] + 24)]
    words = table()
    after = text[span[1] : clause.end]
    now = bool(words["now"].search(before) or words["now_after"].search(after))
    label = text[clauses[at - 1].start : clause.start] if at and text[clause.start - 1] in ":：(（" else ""
    start = before + text[span[0] : span[0] + 1]
    return Context(
        topics=_about(text, clauses, at, span[0]),
        peers=bool(words["peers"].search(own) or words["peers"].search(label)),
        # In "from 78 a month ago to 74", the words before 74 are about 78.
        past=not now
        and bool(
            words["past"].search(start)
            or words["past"].search(label)
            or words["past_after"].search(after)
            or words["past"].match(text[span[1] :].lstrip())
            or (words["past_value"].search(start) and not (isinstance(written, Amount) and written.unit == "days"))
        ),
        now=now,
        sign=bool(words["up"].search(near)) - bool(words["down"].search(near)),
        windows=frozenset(clause.windows or (clauses[at - 1].windows if label else ())),
    )


def _about(text: str, clauses: list[Clause], at: int, position: int) -> frozenset[str]:
    """Return the topics of the clause; those of the nearest clause before it, else after it, if it names none."""
    order = [at, *range(at - 1, -1, -1), *range(at + 1, len(clauses))]
    found: list[tuple[int, int, str]] = next((clauses[one].topics for one in order if clauses[one].topics), [])
    apart = {name for start, end, name in found if is_of_another(text, start, end, position)}
    return frozenset({name for _, _, name in found} - (apart & table()["exclusive"]))


def _is_of_risk(text: str, span: tuple[int, int], written: Amount | Day) -> bool | None:
    """Return whether a percentage would be the churn risk if its sentence names nothing; None for other units."""
    if not isinstance(written, Amount) or written.unit != "percent":
        return None
    other = table()["no_risk"]
    return not other.search(text[max(0, span[0] - 24) : span[0]]) and not other.match(text[span[1] : span[1] + 12])

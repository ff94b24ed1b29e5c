"""Weigh how much the words of a sentence speak for each topic as that of one of its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rapport.serving.api.agents.patterns import table

# How much a phrase says about a number: one that holds it, in its clause, in the clause before, after, elsewhere.
_CLOSE, _OWN, _BEFORE, _AFTER, _FAR = 5.0, 3.0, 2.0, 1.5, 1.0
# Less where another number stands between; more by two phrases together than by one; less for a whole than its part.
_APART, _TOGETHER, _WHOLE = 0.7, 1.6, 0.8
# A number of things is no number of days between orders.
_COUNTS = re.compile(r".*(?:[笔单次个位人名%％]|[ -][a-z]{3,})\Z(?<!days)(?<!weeks)(?<!months)(?<!day)")


@dataclass
class Clause:
    """A part of a sentence between commas and the like, its phrases by topic, and the periods that it names."""

    start: int
    end: int
    topics: list[tuple[int, int, str]] = field(default_factory=list)
    windows: list[float] = field(default_factory=list)


def holder(clauses: list[Clause], position: int) -> Clause:
    """Return the clause that holds a position of the text."""
    return next(clause for clause in clauses if position < clause.end or clause is clauses[-1])


def weights_of(text: str, clauses: list[Clause], span: tuple[int, int]) -> dict[str, float]:
    """Return how much the sentence of a number speaks for each topic."""
    found = _by_position(text, clauses, span)
    words = table()
    for name, pairs in words["implied"].items():
        for pair in pairs:
            if (both := min(found.get(one, 0.0) for one in pair)) >= _BEFORE:
                found[name] = max(found.get(name, 0.0), both + _TOGETHER)
    for part, whole in words["parts"].items():
        if part in found:
            found[whole] = max(found.get(whole, 0.0), found[part] - _WHOLE)
    around = _with_sign(text, clauses[0].start, clauses[-1].end, span)
    is_timed = any(found.get(name, 0.0) >= _BEFORE for name in words["timed"]) or _COUNTS.match(text, *span)
    for name, pattern in words["cues"].items():
        if pattern.search(around) and not (is_timed and name in words["untimed"]):
            found[name] = max(_CLOSE, found.get(name, 0.0))
    return found


def _by_position(text: str, clauses: list[Clause], span: tuple[int, int]) -> dict[str, float]:
    at = clauses.index(holder(clauses, span[0]))
    found: dict[str, float] = {}
    for one, clause in enumerate(clauses):
        base = _of_clause(text, clauses, one, at)
        for start, end, name in clause.topics:
            weight = base + (_in_clause(text, (start, end, name), span) if one == at else 0.0)
            found[name] = max(weight, found.get(name, 0.0))
    return found


def _of_clause(text: str, clauses: list[Clause], one: int, at: int) -> float:
    """Return how much the phrases of a clause say about a number of the clause ``at``."""
    if one == at:
        return _OWN
    if one < at:
        return _FAR if any(clause.topics for clause in clauses[one + 1 : at]) else _BEFORE
    is_in_brackets = one == at + 1 and text[clauses[one].start - 1] in "(（"
    return _OWN - 0.1 if is_in_brackets else _AFTER / (one - at)


def _in_clause(text: str, phrase: tuple[int, int, str], span: tuple[int, int]) -> float:
    """Return what a phrase of the same clause has more by being near, less by being of another number."""
    start, end, name = phrase
    near = 0.1 / (1 + min(abs(span[0] - end), abs(start - span[1])))
    if is_of_another(text, start, end, span[0]):
        return near - _APART
    return near + (_CLOSE - _OWN if name in table()["exclusive"] else 0.0)


def _with_sign(text: str, start: int, end: int, span: tuple[int, int]) -> str:
    """Return the sentence with "#" for the number; cues say where it stands."""
    counted = "人" if text[span[1] - 1] in "人名" else ""
    return f"{text[start : span[0]]}#{counted}{text[span[1] : end]}"


def is_of_another(text: str, start: int, end: int, position: int) -> bool:
    """Return whether a phrase speaks of another number: in "16 % is above 63 % of all", only 63 is a percentile."""
    between = text[end:position] if start < position else text[end : end + 8]
    return bool(re.search(r"\d", between))

"""Find what a text says of the way the churn risk or the health score moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rapport.serving.api.agents.patterns import SENTENCE, table
from rapport.serving.api.agents.reading import pieces, topics_in


class Movement(NamedTuple):
    """Words that say that something rose (1) or fell (-1), and what did."""

    start: int
    text: str
    topic: str
    way: int


def movements(text: str) -> Iterator[Movement]:
    """Yield what the text says rose or fell: the nearest thing that its sentence names before."""
    words, still = table()["ways"], table()["still"]
    for start, end in pieces(SENTENCE, text, 0, len(text)):
        topics = sorted(topic for topic in topics_in(text[:end], start) if topic[2] not in still)
        for way, pattern in ((1, words["up"]), (-1, words["down"])):
            for found in pattern.finditer(text, start, end):
                near = text[max(start, found.start() - 24) : found.start()]
                if not words["not_yet"].search(near) and not text[found.end() :].startswith(" or "):
                    yield from _movement(text, (start, end), topics, found, way)


def _movement(
    text: str, sentence: tuple[int, int], topics: list[tuple[int, int, str]], found: re.Match[str], way: int
) -> Iterator[Movement]:
    words, (start, end) = table()["ways"], sentence
    subject = max((topic for topic in topics if topic[1] <= found.start()), default=None)
    if subject is not None:
        if not words["pushed"].search(text[start : subject[0]]):
            written = re.sub(r"\s+", " ", text[subject[0] : found.end()].strip())
            yield Movement(subject[0], written, subject[2], way)
    elif text[found.end() : found.end() + 1] in (":", "："):
        named = min((topic for topic in topics if topic[0] >= found.end()), default=(0, 0, ""))
        yield Movement(found.start(), found.group().strip(), named[2], way)
    elif words["since_then"].match(text[found.end() : end]):
        yield Movement(found.start(), found.group().strip(), "risk", way)

"""Sentiment of Chinese sentences by a lexicon of positive and negative words, negations and intensifiers.

The longest match wins (不满意 over 满意), so no word segmentation is needed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rapport.shipped_yaml import read_shipped

_POLARITY = {"positive": 0.6, "negative": -0.6}
_DEGREES = {"strong": 1.4, "weak": 0.6}
_NEGATED_FACTOR = -0.5

_NEGATION_SCOPE = 6
"""A negation (没有, 不) applies to words within this many characters after it: 没有感受到任何诚意."""

_CONTRAST_WEIGHT = 3
"""Weight of the words after 但是 relative to the words before it."""

_CLAUSE = re.compile(r"[^，。！？；：、,.!?;:\s…]+[？?]?")
_RESOLVED = re.compile(r"[^没未不]{0,5}(少了|减少|降低|下降|解决|修复|修好|消除)")
_BARE_THANKS = re.compile(r"(谢谢|多谢|感谢)$")


@dataclass(frozen=True)
class Lexicon:
    """The kind of each word, the pattern of all words, and the patterns of questions and wishes."""

    kinds: Mapping[str, str]
    words: re.Pattern[str]
    asking: re.Pattern[str]
    wishing: re.Pattern[str]


def chinese_sentiment(text: str) -> float | None:
    """Return the weighted mean polarity of the words, from -1 to 1; None if no word has a polarity."""
    polarities: list[float] = []
    weights: list[float] = []
    weight = 1.0
    for clause in _CLAUSE.findall(text):
        for polarity in _polarities(clause, _lexicon()):
            if polarity is None:
                weight *= _CONTRAST_WEIGHT
            else:
                polarities.append(polarity)
                weights.append(weight)
    total = sum(polarity * weight for polarity, weight in zip(polarities, weights, strict=True))
    return round(max(-1.0, min(1.0, total / sum(weights))), 4) if polarities else None


def _polarities(clause: str, lexicon: Lexicon) -> Iterator[float | None]:
    """Yield the polarity of each word of a clause in its context; None where a contrast (但是) follows."""
    if lexicon.asking.search(clause) or _BARE_THANKS.fullmatch(clause):
        return
    is_wish = lexicon.wishing.search(clause) is not None
    negated_until, degree, degree_until = -1, 1.0, -1
    for found in lexicon.words.finditer(clause):
        kind = lexicon.kinds[found[0]]
        if kind == "contrast":
            negated_until = -1
            yield None
        elif kind == "negation":
            negated_until = found.end() + _NEGATION_SCOPE
        elif kind in _DEGREES:
            degree, degree_until = _DEGREES[kind], found.end() + 1
        elif kind in _POLARITY and not (is_wish and kind == "positive"):
            polarity = _POLARITY[kind] * (degree if found.start() <= degree_until else 1.0)
            resolved = kind == "negative" and _RESOLVED.match(clause, found.end())
            yield polarity * _NEGATED_FACTOR if resolved or found.start() <= negated_until else polarity
            negated_until = -1


@cache
def _lexicon() -> Lexicon:
    written = read_shipped(
        files("rapport.history.sentiment").joinpath("chinese_words.yaml").read_text(encoding="utf-8")
    )
    words = {name: line.split() for name, line in written.items()}
    clauses = {name: re.compile(_either(words.pop(name))) for name in ("asking", "wishing")}
    kinds = {word: kind for kind, of_kind in words.items() for word in of_kind}
    return Lexicon(kinds, re.compile(_either(kinds)), **clauses)


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

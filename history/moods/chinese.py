"""The mood of Chinese sentences of customers: a short list of words of our own, with what turns or strengthens them.

Longer words win over those inside them (不满意 over 满意), so no sentence has to be cut into words first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

_WORTH = {"good": 0.6, "bad": -0.6}
_DEGREES = {"strong": 1.4, "weak": 0.6}
_TURNED = -0.5

_REACH = 6
"""So many characters after a word that turns (没有, 不) it still does: 没有感受到任何诚意."""

_OUTWEIGHS = 3
"""What is said behind 但是 counts so many times what is said before it."""

_CLAUSE = re.compile(r"[^，。！？；：、,.!?;:\s…]+[？?]?")
_GONE = re.compile(r"[^没未不]{0,5}(少了|减少|降低|下降|解决|修复|修好|消除)")
_BARE_THANKS = re.compile(r"(谢谢|多谢|感谢)$")


@dataclass(frozen=True)
class Lexicon:
    """What each word is for, the pattern that finds words, and those that make a clause a question or a wish."""

    kinds: Mapping[str, str]
    words: re.Pattern[str]
    asking: re.Pattern[str]
    wishing: re.Pattern[str]


def chinese_mood(text: str) -> float | None:
    """Return the mean worth of the words that tell a mood, -1 to 1; None where there are none."""
    worths: list[float] = []
    weights: list[float] = []
    weight = 1.0
    for clause in _CLAUSE.findall(text):
        for worth in _worths(clause, _lexicon()):
            if worth is None:
                weight *= _OUTWEIGHS
            else:
                worths.append(worth)
                weights.append(weight)
    total = sum(worth * weight for worth, weight in zip(worths, weights, strict=True))
    return round(max(-1.0, min(1.0, total / sum(weights))), 4) if worths else None


def _worths(clause: str, lexicon: Lexicon) -> Iterator[float | None]:
    """Yield what each word of a clause is worth as it was said; None where the rest outweighs what came before."""
    if lexicon.asking.search(clause) or _BARE_THANKS.fullmatch(clause):
        return
    wished = lexicon.wishing.search(clause) is not None
    turned_until, degree, degree_until = -1, 1.0, -1
    for found in lexicon.words.finditer(clause):
        kind = lexicon.kinds[found[0]]
        if kind == "however":
            turned_until = -1
            yield None
        elif kind == "turning":
            turned_until = found.end() + _REACH
        elif kind in _DEGREES:
            degree, degree_until = _DEGREES[kind], found.end() + 1
        elif kind in _WORTH and not (wished and kind == "good"):
            worth = _WORTH[kind] * (degree if found.start() <= degree_until else 1.0)
            gone = kind == "bad" and _GONE.match(clause, found.end())
            yield worth * _TURNED if gone or found.start() <= turned_until else worth
            turned_until = -1


@cache
def _lexicon() -> Lexicon:
    written = yaml.safe_load(files("rapport.history.moods").joinpath("chinese_words.yaml").read_text(encoding="utf-8"))
    words = {name: line.split() for name, line in written.items()}
    clauses = {name: re.compile(_either(words.pop(name))) for name in ("asking", "wishing")}
    kinds = {word: kind for kind, of_kind in words.items() for word in of_kind}
    return Lexicon(kinds, re.compile(_either(kinds)), **clauses)


def _either(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

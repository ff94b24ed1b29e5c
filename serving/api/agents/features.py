"""What stands around a number, date or word of direction, as the features of a linear scorer: n-grams by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapport.serving.api.agents.patterns import Amount, Day
from rapport.serving.api.agents.tokens import Token

# How much a feature counts by where it stands; its name begins with one of these and a colon.
SCALES = {
    "u": 1.0, "v": 0.8,  # the mention itself: its unit, its value
    "L": 0.5, "R": 0.5,  # right beside it
    "l": 0.7, "r": 0.7, "lc": 0.5, "rc": 0.5,  # up to the next mention: in its clause, beyond it
    "b": 0.5, "i": 0.4,  # what stands between it and its neighbours, its number in the sentence
    "p": 0.4, "n": 0.3, "ll": 0.3, "rr": 0.25, "s": 0.35,  # before and after its neighbours, anywhere in the sentence
    "ps": 0.3, "ns": 0.15,  # the sentences before and after
}  # fmt: skip
_CUTS = frozenset(",;()|•·–—") | {"and", "but", "while", "whereas"}
_ROUND = frozenset({3, 5, 12, 30, 90, 100, 180, 365})
# How many tokens count: of the part of a sentence that a mention has to itself, of the rest, right beside it.
_NEAR, _FAR, _BESIDE = 14, 24, 4
_LONGEST = 100


@dataclass(frozen=True)
class _Sentence:
    """The words of a text, where a mention is among them, and where its sentence and its neighbours are."""

    words: Sequence[str]
    at: int
    start: int
    end: int
    before: int | None
    after: int | None

    @property
    def unit(self) -> str:
        return self.words[self.at]


def features(tokens: Sequence[Token], positions: Sequence[int], which: int) -> set[str]:
    """Return the features of the mention ``positions[which]``."""
    at = positions[which]
    start, end = _bounds(tokens, at)
    sentence = _Sentence(
        [one.text for one in tokens[start:end]], at - start, 0, end - start,
        positions[which - 1] - start if which and positions[which - 1] >= start else None,
        positions[which + 1] - start if which + 1 < len(positions) and positions[which + 1] < end else None,
    )  # fmt: skip
    number = sum(1 for one in positions[max(0, which - 4) : which] if one >= start)
    further = positions[which - 2] + 1 - start if which > 1 else 0
    return {
        "u:", f"u:{sentence.unit}", f"i:{number}", f"i:{number}{sentence.unit}",
        *_of_value(tokens[at]), *_adjacent(sentence), *_near(sentence), *_neighbours(sentence, max(0, further)),
        *_grams("s", sentence.words[max(0, at - start - _FAR) : at - start + _FAR]), *_outside(tokens, start, end),
    }  # fmt: skip


def _of_value(token: Token) -> Iterator[str]:
    amount = token.written
    if isinstance(amount, Day):
        # A plan is seldom written with its year.
        ahead, year = "ahead" if token.is_ahead else "past", "year" if amount.year else "no year"
        yield from (f"v:{ahead}", f"v:{year}", f"v:{ahead} {year} {token.text}")
    if not isinstance(amount, Amount):
        return
    yield f"v:{amount.unit}"
    yield f"v:in {token.unit}"
    if amount.value in _ROUND:
        yield f"v:{amount.value:g}{amount.unit}"
    if amount.unit == "days" and amount.high - amount.low > 20:
        yield "v:coarse"
    if amount.value and amount.value == round(amount.value, -1):
        yield f"v:round{amount.unit}"


def _adjacent(sentence: _Sentence) -> Iterator[str]:
    words, at, unit = sentence.words, sentence.at, sentence.unit
    left = ["^", *words[:at]][-_BESIDE - 1 :]
    right = [*words[at + 1 :], "$"][: _BESIDE + 1]
    for size in range(1, _BESIDE + 1):
        if len(left) >= size:
            yield from (f"L:{mark}{' '.join(left[-size:])}" for mark in ("", f"{unit}|"))
        if len(right) >= size:
            yield from (f"R:{mark}{' '.join(right[:size])}" for mark in ("", f"{unit}|"))
    yield f"L:{left[-1]}_{right[0]}"
    yield f"L:{' '.join(left[-2:])}_{right[0]}"
    yield f"L:{left[-1]}_{' '.join(right[:2])}"


def _near(sentence: _Sentence) -> Iterator[str]:
    """Yield the n-grams of the part of the sentence that has no other mention."""
    words, at, unit = sentence.words, sentence.at, sentence.unit
    first = max(at - _NEAR, 0 if sentence.before is None else sentence.before + 1)
    last = min(at + _NEAR, len(words) if sentence.after is None else sentence.after)
    cut = next((one for one in range(at - 1, first - 1, -1) if words[one] in _CUTS), first - 1) + 1
    yield from _grams("l", words[max(cut, 0) : at], unit)
    yield from _grams("lc", words[max(first, 0) : max(cut, 0)])
    cut = next((one for one in range(at + 1, last) if words[one] in _CUTS), last)
    yield from _grams("r", words[at + 1 : cut], unit)
    yield from _grams("rc", words[cut:last])


def _neighbours(sentence: _Sentence, further: int) -> Iterator[str]:
    """Yield what stands between the mention and those beside it, and the n-grams beyond those."""
    words, at, unit, before, after = sentence.words, sentence.at, sentence.unit, sentence.before, sentence.after
    if before is not None:
        start = max(further, before - _NEAR, 0)
        yield from _grams("p", words[start:before])
        yield from _grams("ll", words[max(0, start - _FAR) : start])
        yield f"b:{words[before]}{unit}"
        if at - before <= 6:
            between = " ".join(words[before + 1 : at])
            yield from (f"b:{words[before]}|{between}|{unit}", f"b:{between}")
    if after is not None:
        yield from _grams("n", words[after + 1 : after + _NEAR])
        yield f"b:{unit}>{words[after]}"
        if after - at <= 6:
            yield f"b:{unit}|{' '.join(words[at + 1 : after])}|{words[after]}"


def _outside(tokens: Sequence[Token], start: int, end: int) -> Iterator[str]:
    """Yield the n-grams of the sentences before and after."""
    if start:
        first = max(_bounds(tokens, start - 1)[0], start - _FAR)
        yield from _grams("ps", [one.text for one in tokens[first:start]])
    if end < len(tokens):
        last = min(end + _NEAR, _bounds(tokens, end)[1])
        yield from _grams("ns", [one.text for one in tokens[end:last]])


def _bounds(tokens: Sequence[Token], at: int) -> tuple[int, int]:
    """Return where the sentence of a token starts and ends, or what is near in it."""
    sentence = tokens[at].sentence
    start, end = at, at + 1
    while start > max(0, at - _LONGEST) and tokens[start - 1].sentence == sentence:
        start -= 1
    while end < min(len(tokens), at + _LONGEST) and tokens[end].sentence == sentence:
        end += 1
    return start, end


def _grams(position: str, words: Sequence[str], unit: str = "") -> Iterator[str]:
    """Yield words, pairs, triples (of Chinese characters, or near the mention), and the beginnings of long words."""
    for at, word in enumerate(words):
        yield f"{position}:{word}"
        if unit:
            yield f"{position}:{unit}|{word}"
        if len(word) > 5:
            yield f"{position}:{word[:5]}~"
        if at:
            yield f"{position}:{words[at - 1]} {word}"
        if at > 1 and (unit or "\u3400" <= word[0] <= "\u9fff"):
            yield f"{position}:{words[at - 2]} {words[at - 1]} {word}"

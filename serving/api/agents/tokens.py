"""Cut a text into tokens: words, Chinese characters and signs; each number, date and name of the file is one token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rapport.serving.api.agents.patterns import DATE, NUMBER, TIME, Amount, Day, amount_of, blank, date_of, table

_TOKEN = re.compile(r"w/o?|->|=>|[A-Za-z]+(?:['’][A-Za-z]+)*|[\u3400-\u9fff]|\n|[^\sA-Za-z\u3400-\u9fff]")
_FULL_WIDTH = str.maketrans("，：；！？（）｜＝＋／％’“”、", ',:;!?()|=+/%\'"",')
_COUNTED = frozenset("笔单次个位人名")
_NEARBY = 200
"""How many tokens before and after a claim may say what it is about."""
_SENTENCE_ENDS = frozenset("。!?\n")
# Periods that a text may name; the token of such a number says so, because they are mostly the span of another figure.
_PERIODS = {30: "month", 90: "quarter", 91: "quarter", 180: "half", 182: "half", 183: "half", 365: "year", 1095: "3y",
            1825: "5y"}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """One token: its position in the text, its text as the scorer sees it, and its sentence by number.

    ``written`` is the number or date that it stands for, ``unit`` its unit as it stands there, and ``is_ahead`` whether
    the date is still to come; ``name`` the name of the file.
    """

    start: int
    end: int
    text: str
    sentence: int
    written: Amount | Day | None = None
    name: str = ""
    unit: str = ""
    is_ahead: bool = False


def tokens_of(text: str, names: Mapping[str, str], today: date | None = None) -> list[Token]:
    """Return the tokens of a text that is written ``today``.

    ``names`` are the names of the file with what each is, longest first.
    """
    marked = sorted(_marked(text, names), key=lambda one: one[0])
    found: list[Token] = []
    sentence, at = 0, 0
    for start, end, sign, written, name in [*marked, (len(text), len(text), "", None, "")]:
        for one in _TOKEN.finditer(text, at, start):
            found.append(Token(*one.span(), one.group().lower().translate(_FULL_WIDTH), sentence))
            sentence += _ends_sentence(text, one)
        if sign:
            unit = text[start:end].lstrip("0123456789., ").lower() if isinstance(written, Amount) else ""
            is_ahead = today is not None and isinstance(written, Day) and written.is_after(today)
            found.append(Token(start, end, sign, sentence, written, name, unit, is_ahead))
        at = end
    return found


def _marked(text: str, names: Mapping[str, str]) -> Iterator[tuple[int, int, str, Amount | Day | None, str]]:
    left = text
    for name, sign in names.items():
        for found in list(re.finditer(re.escape(name), left)):
            yield *found.span(), f"<{sign}>", None, name
            left = blank(left, *found.span())
    for found in DATE.finditer(left):
        if day := date_of(found):
            yield *found.span(), "<date>" if day.day else "<mon>", day, ""
            left = blank(left, *found.span())
    for found in TIME.finditer(left):
        left = blank(left, *found.span())
    for found in NUMBER.finditer(left):
        if found.group("chinese") == "一":
            continue
        amount = amount_of(found)
        # What is counted ("5 人") says what a number is about.
        end = found.start("unit") if found.group("unit") in _COUNTED else found.end()
        end = found.start() + len(text[found.start() : end].rstrip(" \t-"))
        yield found.start(), end, _sign(amount), amount, ""


def _sign(amount: Amount) -> str:
    is_period = amount.unit in ("days", "count") and amount.value < 2000
    return f"<{_PERIODS.get(round(amount.value), amount.unit) if is_period else amount.unit}>"


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    sign = found.group().translate(_FULL_WIDTH)
    return sign in _SENTENCE_ENDS or (sign == "." and not text[found.end() : found.end() + 1].strip())


def nearby(tokens: Sequence[Token], at: int) -> tuple[set[str], list[Day]]:
    """Return the names of the sentence of a token and of the one before it, and the dates of its own."""
    sentence = tokens[at].sentence
    names: set[str] = set()
    days: list[Day] = []
    for token in tokens[max(0, at - _NEARBY) : at + _NEARBY]:
        if sentence - 2 <= token.sentence <= sentence and token.name:
            names.add(token.name)
        if token.sentence == sentence and isinstance(token.written, Day):
            days.append(token.written)
    return names, days


def ways_in(tokens: Sequence[Token]) -> Iterator[tuple[list[Token], int, int]]:
    """Yield each word for a rise (1) or a fall (-1): the tokens around it with a sign for it, its position, the way."""
    words = table()["ways"]
    end = 0
    for at, token in enumerate(tokens):
        for size in (2, 1):
            text = "".join(one.text for one in tokens[at : at + size])
            if at >= end and (text in words["up"] or text in words["down"]):
                end = min(at + size, len(tokens))
                sign = Token(token.start, tokens[end - 1].end, "<way>", token.sentence)
                start = max(0, at - _NEARBY)
                around = [*tokens[start:at], sign, *tokens[end : end + _NEARBY]]
                yield around, at - start, 1 if text in words["up"] else -1


def mentions_in(tokens: Iterable[Token]) -> list[int]:
    """Return the positions of the numbers and dates among the tokens."""
    return [at for at, token in enumerate(tokens) if token.written is not None]

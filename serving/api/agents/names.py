"""Find what looks like a name in a text: words of neither language as our own texts use it, where people stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rapport.serving.api.agents.patterns import table
from rapport.serving.api.agents.scorer import learned_words

_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n•|\-–—*(\"“«,])\s*$")
_CAPITALISED = re.compile(r"(?<![A-Za-z])[A-Z][a-z]+(?:[ -][A-Z][a-z]+)*(?![A-Za-z])")
# How names of companies end, that are names where they open a sentence, too.
_COMPANY = re.compile(r"(?:soft|tech|ex|ix|corp|sys|ware|tron|works|data)$")
# How nouns and adjectives end that are no names there, whatever follows.
_ABSTRACT = re.compile(r"(?:al|ance|ence|ity|ion|ment|ness)$")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_ROOMS = Path(__file__).parents[3]


@cache
def known_words() -> frozenset[str]:
    """Return English words in lower case: those of the shipped texts, those that were learned, and common ones."""
    shipped = (re.findall(r"(?<![A-Za-z'])[a-z]{2,}(?![A-Za-z])", text) for text in _shipped_texts())
    return frozenset(table()["common"]).union(learned_words(), *shipped)


@cache
def known_pairs() -> frozenset[str]:
    """Return the pairs of Chinese characters that stand together in the shipped texts or were learned."""
    runs = (run for text in _shipped_texts() for run in _CHINESE.findall(text))
    shipped = frozenset(run[at : at + 2] for run in runs for at in range(len(run) - 1))
    return shipped.union(word.replace(" ", "") for word in learned_words() if " " in word)


@cache
def _shipped_texts() -> tuple[str, ...]:
    files = [file for room in ("serving", "scoring", "features") for file in sorted((_ROOMS / room).rglob("*.yaml"))]
    return tuple(file.read_text("utf-8") for file in files if file.name != "topics.yaml")


def unknown_names(text: str) -> Iterator[tuple[int, str]]:
    """Yield place and text of what looks like a name."""
    yield from _in_latin(text)
    for found in re.finditer(r"[\u4e00-\u9fff]{2,14}?(?:有限公司|股份公司|集团公司|集团)", text):
        yield found.span()[0], found.group()
    for run in _CHINESE.finditer(text):
        yield from _in_chinese(text, run)


def _in_latin(text: str) -> Iterator[tuple[int, str]]:
    for found in _CAPITALISED.finditer(text):
        words = [(one.start() + found.start(), one.group()) for one in re.finditer(r"[A-Za-z]+", found.group())]
        words = [(start, word) for start, word in words if word.lower() not in known_words()]
        if words and (len(words) > 1 or not _opens_sentence(text, *words[0])):
            yield words[0][0], " ".join(word for _, word in words)


def _opens_sentence(text: str, start: int, word: str) -> bool:
    """Return whether a word has its capital from opening a sentence: not in Chinese, nor where a name stands."""
    words = table()["latin_names"]
    after = text[start + len(word) :]
    opens = bool(_SENTENCE_START.search(text[:start]))
    if re.match(r"['’](?!s)", after) or (opens and _ABSTRACT.search(word)):
        return True
    if (
        (len(word) > 4 and _COMPANY.search(word))
        or words["label"].search(text[:start])
        or words["then"].match(after)
        or re.match(r"\s*[\u4e00-\u9fff]", after)
    ):
        return False
    return opens


def _in_chinese(text: str, run: re.Match[str]) -> Iterator[tuple[int, str]]:
    words, at = table()["chinese_names"], run.start()
    while at < run.end() - 1:
        lengths = (3, 2) if text[at] in words["surnames"] and not words["words"].match(text, at) else ()
        found = [text[at : at + n] for n in lengths if at + n <= run.end() and _is_person(text, at, n)]
        # 方伟 最近, not 方伟最 近: the last character may begin the word that follows.
        name = found[-1 if words["after"].match(text, at + 2) else 0] if found else ""
        if name:
            yield at, name
        at += len(name) or 1


def _is_person(text: str, start: int, length: int) -> bool:
    """Return whether a surname and what follows it is a person by its neighbours and by no word of our texts."""
    words, name, end = table()["chinese_names"], text[start : start + length], start + length
    before, after = text[max(0, start - 5) : start], text[end : end + 5]
    if any(sign in words["never"] for sign in name[1:]):
        return False
    if any(name[at : at + 2] in known_pairs() for at in range(length - 1)):
        return False
    if name[0] in words["also_words"] and not (_is_first_name(name[1:]) or words["titles"].match(after)):
        return False
    if text[max(0, start - 1) : start + 1] in known_pairs():
        return False
    left = 2 if words["before"].search(before) else _edge(before[-2:], -1)
    right = 2 if words["titles"].match(after) else max(_edge(after[:2], 0), bool(words["after"].match(after)))
    if not right and text[end - 1 : end + 1] in known_pairs():
        return False
    return length == 3 or (bool(left) and left + right >= 3)


def _is_first_name(signs: str) -> bool:
    """Return whether a first name looks like this: a character that stands in many, or one twice."""
    return any(sign in table()["chinese_names"]["given"] for sign in signs) or (len(signs) > 1 and len(set(signs)) == 1)


def _edge(near: str, at: int) -> int:
    """Return 2 if there are English words or nothing beside a name, 1 if signs, 0 if Chinese characters."""
    if not near.strip():
        return 1
    return 0 if _CHINESE.match(near[at]) else 2 if near[at] == " " and near.strip().isascii() else 1

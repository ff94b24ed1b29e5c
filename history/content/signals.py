"""Signals in a text, in Chinese and English, each with the words that it was found in.

A signal is found by patterns of phrases within one clause, unless the clause negates it. Precision comes first: a text
that leaves doubt gives no signal.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import yaml

KINDS = ("stop", "competitor", "price", "pain", "need", "praise")
"""The kinds of signals, the most urgent first."""

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_CLAUSE = re.compile(r"[^，。！？；,.!?;\n]+(?:[?？])?")
_MAX_QUOTE = 80


@dataclass(frozen=True)
class Signal:
    """One signal: its kind, and the clause that it was found in."""

    kind: str
    quote: str


@dataclass(frozen=True)
class _Patterns:
    """The phrases of one kind in one language, and those in whose presence a clause does not count."""

    says: re.Pattern[str]
    unless: re.Pattern[str] | None


@lru_cache(maxsize=1 << 15)
def content_signals(text: str) -> tuple[Signal, ...]:
    """Return the signals of a text, at most one of each kind, in the order of ``KINDS``."""
    language = "zh" if _CHINESE.search(text) else "en"
    clauses = [clause.strip() for clause in _CLAUSE.findall(text)]
    return tuple(_found(language, clauses))


def _found(language: str, clauses: list[str]) -> Iterator[Signal]:
    for kind, patterns in _patterns(language).items():
        for clause in clauses:
            if patterns.says.search(clause) and not (patterns.unless and patterns.unless.search(clause)):
                yield Signal(kind, clause[:_MAX_QUOTE])
                break


@cache
def _patterns(language: str) -> Mapping[str, _Patterns]:
    text = files("rapport.history.content").joinpath(f"signals_{language}.yaml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    found = {}
    for kind in KINDS:
        lines = written[kind]
        unless = [*lines.get("unless", []), *(written["negated"] if lines.get("negatable", True) else [])]
        found[kind] = _Patterns(_either(lines["says"]), _either(unless) if unless else None)
    return found


def _either(phrases: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{phrase})" for phrase in phrases), re.IGNORECASE)

"""Signals in a text, in Chinese and English, each with the words that it was found in.

A linear classifier on n-grams, fitted by benchmarks/content_signals.py to sentences written for it. Precision comes
first: a text that leaves doubt gives no signal.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from rapport.history.content.ngrams import language_of, ngrams

KINDS = ("stop", "competitor", "price", "pain", "need", "praise")
"""The kinds of signals, the most urgent first."""
LEAST_PROBABILITY = {"en": 0.6, "zh": 0.45}
"""A kind is a signal from this probability on, by language; beyond it, the precision of four folds of the written
sentences hardly grows in English."""

_SENTENCE = re.compile(r"[^。！？；\n!?;.]+(?:\.(?!\s|$)[^。！？；\n!?;.]*)*[。！？!?]?")
_CLAUSE = re.compile(r"[^，、,]+")
_LONG_SENTENCE = 3
"""A sentence with this many clauses is read in pairs of clauses, too: one signal may drown among the others."""
_MAX_QUOTE = 80


@dataclass(frozen=True)
class Signal:
    """One signal: its kind, and the clause that it was found in."""

    kind: str
    quote: str


@lru_cache(maxsize=1 << 15)
def content_signals(text: str) -> tuple[Signal, ...]:
    """Return the signals of a text, at most one of each kind, in the order of ``KINDS``."""
    found: dict[str, tuple[float, str]] = {}
    least = {language: _logit(probability) for language, probability in LEAST_PROBABILITY.items()}
    for passage in _passages(text):
        for kind, logit in zip(KINDS, signal_logits(passage), strict=True):
            if logit > found.get(kind, (least[language_of(passage)], ""))[0]:
                found[kind] = (logit, passage)
    return tuple(Signal(kind, _quote(found[kind][1], KINDS.index(kind))) for kind in KINDS if kind in found)


def signal_logits(sentence: str) -> list[float]:
    """Return the log-odds of each kind for one sentence."""
    model = _classifier()[language_of(sentence)]
    grams = ngrams(sentence)
    weights = model["weights"]
    rows = [weights[gram] for gram in grams if gram in weights]
    scale = 1.0 / math.sqrt(max(len(grams), 1))
    sums = [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * len(KINDS)
    return [(at + scale * total) / 100.0 for at, total in zip(model["intercepts"], sums, strict=True)]


def _passages(text: str) -> Iterator[str]:
    for sentence in _SENTENCE.findall(text):
        yield sentence
        clauses = _CLAUSE.findall(sentence)
        if len(clauses) >= _LONG_SENTENCE:
            yield from map("，".join if language_of(sentence) == "zh" else ",".join, pairwise(clauses))


def _quote(passage: str, column: int) -> str:
    clauses: list[str] = [clause.strip(" \t\r\n。！？.!?") for clause in _CLAUSE.findall(passage)]
    return max(clauses, key=lambda clause: signal_logits(clause)[column])[:_MAX_QUOTE]


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


@cache
def _classifier() -> dict[str, Any]:
    """Return by language the intercepts and the weights of each n-gram, in hundredths of log-odds."""
    text = files("rapport.history.content").joinpath("signal_weights.json").read_text(encoding="utf-8")
    stored: dict[str, dict[str, Any]] = json.loads(text)
    return stored["languages"]

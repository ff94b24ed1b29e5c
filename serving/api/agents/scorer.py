"""Say how likely a number or date of a text is about each topic: a linear model of the words around it.

The weights are learned offline from sentences written for it (benchmarks/draft_weights.py).
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rapport.serving.api.agents.features import SCALES

NOTHING = "none"
"""The topic of a number that is about nothing that a customer's file knows: a time, an offer, a period."""


TAKEN, NEIGHBOURS = 0.8, 6
"""How much less likely a topic is where one of so many numbers before or after, in its sentence, is about it."""
MOVES = ("risk_moves", "interactions_move", "health_moves")
"""The topics of a word that says that something rose or fell."""


class Weights(NamedTuple):
    """Rows by feature, and for each row and topic its weight, with the scale of the feature's position in it."""

    topics: tuple[str, ...]
    rows: dict[str, int]
    values: npt.NDArray[np.float32]


def probabilities(found: Iterable[str]) -> dict[str, float]:
    """Return the probability of each topic for a mention with these features."""
    learned = weights()
    rows = [row for one in found if (row := learned.rows.get(one)) is not None]
    logits = learned.values[rows].sum(axis=0)
    shares = np.exp(logits - logits.max())
    return dict(zip(learned.topics, (shares / shares.sum()).tolist(), strict=True))


def exclusive(every: Sequence[Mapping[str, float]], sentences: Sequence[int]) -> list[dict[str, float]]:
    """Return the probabilities of mentions: less for a topic that another of the sentence is likely about."""
    found = []
    for at, shares in enumerate(every):
        near = range(max(0, at - NEIGHBOURS), min(len(every), at + NEIGHBOURS + 1))
        others = [every[one] for one in near if one != at and sentences[one] == sentences[at]]
        left = {
            topic: share if topic == NOTHING else share * math.prod(1 - TAKEN * one[topic] for one in others)
            for topic, share in shares.items()
        }
        total = sum(left.values())
        found.append({topic: share / total for topic, share in left.items()})
    return found


def moved(shares: Mapping[str, float]) -> str:
    """Return what a word of direction says has moved: one of ``MOVES``, or nothing."""
    return max((*MOVES, NOTHING), key=lambda topic: shares.get(topic, 0.0))


def learned_words() -> frozenset[str]:
    """Return the words and pairs of characters that stood in the sentences that the weights were learned from."""
    return frozenset(name[2:] for name in weights().rows if name.startswith("s:"))


@cache
def weights() -> Weights:
    """Return the shipped weights."""
    text = files("rapport.serving.api.agents").joinpath("draft_weights.json").read_text(encoding="utf-8")
    return unpacked(json.loads(text))


def unpacked(stored: dict[str, Any]) -> Weights:
    """Return the weights of a file: whole numbers of 8 bits, in steps of ``step``."""
    names = _unpacked(stored["features"]).decode().split("\t")
    values = np.frombuffer(_unpacked(stored["weights"]), dtype=np.int8).astype(np.float32)
    scales = np.array([SCALES[name.partition(":")[0]] for name in names], dtype=np.float32)
    matrix = values.reshape(len(names), len(stored["topics"])) * stored["step"] * scales[:, None]
    return Weights(tuple(stored["topics"]), {name: row for row, name in enumerate(names)}, matrix)


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))

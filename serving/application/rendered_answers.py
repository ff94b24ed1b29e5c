"""Answers as JSON, each written once while everything that it says stands."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from rapport.durations import Duration
from rapport.serving.json_encoding import encode_json
from rapport.serving.live.live_score import LiveScore
from rapport.serving.shapes.answers import Answer

_BYTES = 32_000_000
# Besides its text, an answer costs its key and its places in the table.
_OVERHEAD = 500


class ShownCustomer(NamedTuple):
    """A customer in the state in which an answer shows it; equal states of one run have equal answers.

    ``row`` is its row in the run, None if events alone name it; ``live`` is replaced whenever an event changes it.
    """

    customer_id: str
    row: int | None
    live: LiveScore | None
    held_out: bool


class AnswerKey(NamedTuple):
    """What an answer depends on besides the run, its policy, the playbook and the language."""

    customer: ShownCustomer
    reasons: int
    horizons: tuple[Duration, ...]


class RenderedAnswer(NamedTuple):
    """One answer as JSON, and the probability in it, which is counted whenever the answer is sent."""

    body: bytes
    probability: float | None

    @classmethod
    def of(cls, answer: Answer) -> RenderedAnswer:
        """Render an answer."""
        return cls(encode_json(answer), answer.get("probability"))


_Slot = tuple[str, int, tuple[Duration, ...]]


class RenderedAnswers:
    """The answers of one run, policy, playbook and language, at most ``limit`` bytes; thread-safe.

    Those that were requested least recently make room for new ones. Of a customer in different states the newest is
    kept: an answer to an earlier event is never asked for again, and would keep the earlier live score in memory.
    """

    def __init__(self, limit: int = _BYTES) -> None:
        self._limit, self._size, self._lock = limit, 0, threading.Lock()
        self._found: OrderedDict[_Slot, tuple[ShownCustomer, RenderedAnswer]] = OrderedDict()

    def get(self, key: AnswerKey) -> RenderedAnswer | None:
        """Return an answer; None if it must be written."""
        slot = (key.customer.customer_id, *key[1:])
        with self._lock:
            customer, answer = self._found.get(slot, (None, None))
            if customer != key.customer:
                return None
            self._found.move_to_end(slot)
            return answer

    def put(self, answers: Mapping[AnswerKey, RenderedAnswer]) -> None:
        """Keep answers."""
        with self._lock:
            for key, answer in answers.items():
                slot = (key.customer.customer_id, *key[1:])
                if slot in self._found:
                    self._size -= _size(self._found.pop(slot)[1])
                self._found[slot] = key.customer, answer
                self._size += _size(answer)
            while self._size > self._limit:
                self._size -= _size(self._found.popitem(last=False)[1][1])


def _size(answer: RenderedAnswer) -> int:
    return _OVERHEAD + len(answer.body)

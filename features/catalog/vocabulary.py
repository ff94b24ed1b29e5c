"""The company's own categories that become features: actions of touches, channels of interactions, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rapport.features.engine.clock import local_time
from rapport.history import History, Settings

ACTIONS = ("view", "download", "webinar", "form", "click", "cart", "login")
CHANNELS = ("meeting", "visit", "call", "email", "chat")
"""The actions and channels of every company."""

MAX_WORDS = 12
"""The number of most frequent actions, and of channels, that become features."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a company that become features: actions of touches, channels of interactions, fixed attributes."""

    actions: tuple[str, ...] = ACTIONS
    channels: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


DEFAULT_VOCABULARY = Vocabulary()


def vocabulary_of(history: History, before: datetime) -> Vocabulary:
    """Return a company's vocabulary from the rows known before a time."""
    rows = word_counts(history, before).to_pylist()
    return vocabulary_from({(row["source"], row["word"]): row["times"] for row in rows}, history.settings)


def word_counts(history: History, before: datetime) -> pa.Table:
    """Return the count of each action and channel in the rows known before a time: source, word, times."""
    cutoff = local_time(before, history.settings.timezone)
    known = f"GREATEST(occurred_at, recorded_at) < TIMESTAMP '{cutoff.isoformat()}'"
    parts = [
        f"SELECT '{table}' AS source, lower({column}) AS word, count(*) AS times FROM {table} "
        f"WHERE {column} IS NOT NULL AND {known} GROUP BY word"
        for table, column in (("touches", "action"), ("interactions", "channel"))
    ]
    counts: pa.Table = history.connection.sql(" UNION ALL ".join(parts)).to_arrow_table()
    return counts


def vocabulary_from(
    counts: Mapping[tuple[str, str], int], settings: Settings, max_words: int = MAX_WORDS
) -> Vocabulary:
    """Return the most frequent words of each source in addition to those of every company."""

    def frequent(source: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        words = [(-times, word) for (of, word), times in counts.items() if of == source]
        return tuple(word for _, word in sorted(words)[:max_words] if word not in usual)

    actions, channels = frequent("touches", ACTIONS), frequent("interactions", CHANNELS)
    return Vocabulary((*ACTIONS, *actions), channels, tuple(settings.fixed_attributes))

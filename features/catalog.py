"""The catalog: every feature in the order in which a model reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property

import pyarrow as pa
from rapport.features.families.care import CONTRACT, PAYMENT, RISK, SATISFACTION, SERVICE
from rapport.features.families.contact import ENGAGEMENT, RELATIONSHIP, SENTIMENT
from rapport.features.families.leads import MARKETING, OPPORTUNITY, by_action, by_attribute, by_channel
from rapport.features.families.orders import FREQUENCY, RECENCY, RHYTHM, TENURE, TREND, VALUE
from rapport.features.families.tree import KIN
from rapport.features.feature import Feature
from rapport.features.kin import PARENT
from rapport.features.plan import Plan, plan
from rapport.features.sources import on_clock
from rapport.features.targets import STATE_MEASURES
from rapport.history import History, Settings

FEATURES: tuple[Feature, ...] = (
    *RECENCY,
    *RHYTHM,
    *FREQUENCY,
    *VALUE,
    *TREND,
    *ENGAGEMENT,
    *RELATIONSHIP,
    *SERVICE,
    *SATISFACTION,
    *PAYMENT,
    *RISK,
    *MARKETING,
    *OPPORTUNITY,
    *CONTRACT,
    *SENTIMENT,
    *TENURE,
)
"""The features of every company; its own words add more (see ``Vocabulary``)."""

ACTIONS = ("view", "download", "webinar", "form", "click", "cart", "login")
CHANNELS = ("meeting", "visit", "call", "email", "chat")


@dataclass(frozen=True)
class Vocabulary:
    """The words of a company that become features: actions of touches, channels of interactions, fixed attributes."""

    actions: tuple[str, ...] = ACTIONS
    channels: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Catalog:
    """An ordered set of features and the words it was made from."""

    features: tuple[Feature, ...]
    vocabulary: Vocabulary = Vocabulary()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the columns in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Return the features by name."""
        return {feature.name: feature for feature in self.features}

    @cached_property
    def fingerprint(self) -> str:
        """Return a SHA-256 over the names and measures: two catalogs with the same one give the same cells."""
        declared = "\n".join(
            f"{feature.name} {feature.unit} {feature.measure or feature.relatives!r}" for feature in self.features
        )
        return hashlib.sha256(declared.encode()).hexdigest()

    @cached_property
    def plan(self) -> Plan:
        """Return the compiled measures, with those of the states; made once, and sent along with the catalog."""
        measures = {feature.name: feature.measure for feature in self.features if feature.measure is not None}
        return plan(measures | dict(STATE_MEASURES))


@cache
def catalog(vocabulary: Vocabulary = Vocabulary()) -> Catalog:
    """Return the catalog of a company's words."""
    own = (
        *by_action(vocabulary.actions),
        *by_channel(name for name in vocabulary.channels if name not in CHANNELS),
        *by_attribute(name for name in vocabulary.attributes if name != PARENT),
        *(KIN if PARENT in vocabulary.attributes else ()),
    )
    return Catalog((*FEATURES, *own), vocabulary)


def vocabulary_of(history: History, before: datetime) -> Vocabulary:
    """Return the words a company uses, from the rows known before a time: the commonest actions and channels."""
    rows = word_counts(history, before).to_pylist()
    return vocabulary_from({(row["source"], row["word"]): row["times"] for row in rows}, history.settings)


def word_counts(history: History, before: datetime) -> pa.Table:
    """Return how often each action and channel occurs in what was known before a time: source, word, times."""
    clock = on_clock(before, history.settings.zone)
    known = f"GREATEST(occurred_at, recorded_at) < TIMESTAMP '{clock.isoformat()}'"
    parts = [
        f"SELECT '{table}' AS source, lower({column}) AS word, count(*) AS times FROM {table} "
        f"WHERE {column} IS NOT NULL AND {known} GROUP BY word"
        for table, column in (("touches", "action"), ("interactions", "channel"))
    ]
    return history.connection.sql(" UNION ALL ".join(parts)).to_arrow_table()


def vocabulary_from(counts: Mapping[tuple[str, str], int], settings: Settings, most: int = 12) -> Vocabulary:
    """Return the commonest words of each source beside those that every company has."""

    def common(source: str, usual: tuple[str, ...]) -> tuple[str, ...]:
        words = [(-times, word) for (of, word), times in counts.items() if of == source]
        return tuple(word for _, word in sorted(words)[:most] if word not in usual)

    actions, channels = common("touches", ACTIONS), common("interactions", CHANNELS)
    return Vocabulary((*ACTIONS, *actions), channels, tuple(settings.fixed_attributes))

"""The catalog: every feature in the order in which a model reads it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property

from features.families.care import CONTRACT, PAYMENT, RISK, SATISFACTION, SERVICE
from features.families.contact import ENGAGEMENT, RELATIONSHIP, SENTIMENT
from features.families.leads import MARKETING, OPPORTUNITY, by_action, by_attribute, by_channel
from features.families.orders import FREQUENCY, RECENCY, RHYTHM, TENURE, TREND, VALUE
from features.feature import Feature
from history import History

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
        declared = "\n".join(f"{feature.name} {feature.unit} {feature.measure!r}" for feature in self.features)
        return hashlib.sha256(declared.encode()).hexdigest()


@cache
def catalog(vocabulary: Vocabulary = Vocabulary()) -> Catalog:
    """Return the catalog of a company's words."""
    own = (
        *by_action(vocabulary.actions),
        *by_channel(name for name in vocabulary.channels if name not in CHANNELS),
        *by_attribute(vocabulary.attributes),
    )
    return Catalog((*FEATURES, *own), vocabulary)


def vocabulary_of(history: History, before: datetime, *, most: int = 12) -> Vocabulary:
    """Return the words a company uses, from the rows known before a time: the commonest actions and channels."""

    def common(table: str, column: str) -> tuple[str, ...]:
        time = {"touches": "occurred_at", "interactions": "occurred_at"}[table]
        rows = history.connection.execute(
            f"SELECT lower({column}) AS word, count(*) AS times FROM {table} WHERE {column} IS NOT NULL "
            f"AND GREATEST({time}, recorded_at) < TIMESTAMP '{before:%Y-%m-%d %H:%M:%S.%f}' "
            "GROUP BY word ORDER BY times DESC, word LIMIT ?",
            [most],
        ).fetchall()
        return tuple(word for word, _ in rows)

    actions = (*ACTIONS, *(word for word in common("touches", "action") if word not in ACTIONS))
    channels = tuple(word for word in common("interactions", "channel") if word not in CHANNELS)
    return Vocabulary(actions, channels, tuple(history.settings.fixed_attributes))

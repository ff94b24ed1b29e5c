"""The catalog: every feature in the order in which a model reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property

from rapport.features.catalog.families.categories import TOUCH_CATEGORIES, attribute_features
from rapport.features.catalog.families.engagement import ENGAGEMENT, RELATIONSHIP, SENTIMENT
from rapport.features.catalog.families.leads import (
    MARKETING,
    OPPORTUNITY,
    action_features,
    channel_features,
)
from rapport.features.catalog.families.orders import CADENCE, FREQUENCY, RECENCY, TENURE, TREND, VALUE
from rapport.features.catalog.families.relatives import PARENT, RELATIVES
from rapport.features.catalog.families.service import CONTRACT, PAYMENT, RISK, SATISFACTION, SERVICE
from rapport.features.catalog.families.usage import USAGE
from rapport.features.catalog.feature import Feature
from rapport.features.catalog.fingerprint import declaration
from rapport.features.catalog.vocabulary import CHANNELS, DEFAULT_VOCABULARY, Vocabulary
from rapport.features.engine.plan import Plan
from rapport.features.states import STATE_MEASURES

FEATURES: tuple[Feature, ...] = (
    *RECENCY,
    *CADENCE,
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
    *TOUCH_CATEGORIES,
    *OPPORTUNITY,
    *CONTRACT,
    *SENTIMENT,
    *TENURE,
    *USAGE,
)
"""The features of every company; its vocabulary adds more."""


@dataclass(frozen=True, eq=False)
class Catalog:
    """An ordered set of features and the vocabulary they were made from."""

    features: tuple[Feature, ...]
    vocabulary: Vocabulary = DEFAULT_VOCABULARY

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the columns in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Return the features by name."""
        return {feature.name: feature for feature in self.features}

    def of(self, names: Collection[str]) -> Catalog:
        """Return the catalog of some of the features, in the same order."""
        return Catalog(tuple(feature for feature in self.features if feature.name in names), self.vocabulary)

    @cached_property
    def has_relatives(self) -> bool:
        """Return whether any feature is about a customer's relatives."""
        return any(feature.relatives for feature in self.features)

    @cached_property
    def fingerprint(self) -> str:
        """Return a SHA-256 over names, units and measures: catalogs with the same one compute the same cells."""
        declared = "\n".join(
            f"{feature.name} {feature.unit} {declaration(feature.measure or feature.relatives)}"
            for feature in self.features
        )
        return hashlib.sha256(declared.encode()).hexdigest()

    @cached_property
    def plan(self) -> Plan:
        """Return the compiled plan of the features and of the states; made once."""
        measures = {feature.name: feature.measure for feature in self.features if feature.measure is not None}
        return Plan(measures | dict(STATE_MEASURES))

    def __getstate__(self) -> dict[str, object]:
        """Return what another process needs; it compiles the plan itself."""
        return {name: value for name, value in vars(self).items() if name != "plan"}


@cache
def catalog(vocabulary: Vocabulary = DEFAULT_VOCABULARY) -> Catalog:
    """Return the catalog of a company with this vocabulary."""
    own = (
        *action_features(vocabulary.actions),
        *channel_features(name for name in vocabulary.channels if name not in CHANNELS),
        *attribute_features(name for name in vocabulary.attributes if name != PARENT),
        *(RELATIVES if PARENT in vocabulary.attributes else ()),
    )
    return Catalog((*FEATURES, *own), vocabulary)

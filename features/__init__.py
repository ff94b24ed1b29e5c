"""What we knew about a customer at a moment: declared, never fitted."""

from rapport.features.by_contract import BY_ORDERS, ChurnRule
from rapport.features.catalog import Catalog, Vocabulary, catalog, vocabulary_of
from rapport.features.engine import snapshot, training_rows
from rapport.features.feature import FAMILIES, Feature
from rapport.features.targets import TARGETS, Target

__all__ = [
    "BY_ORDERS",
    "FAMILIES",
    "TARGETS",
    "Catalog",
    "ChurnRule",
    "Feature",
    "Target",
    "Vocabulary",
    "catalog",
    "snapshot",
    "training_rows",
    "vocabulary_of",
]

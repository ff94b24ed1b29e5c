"""Features: what was known about a customer at a cutoff. Declared, never fitted."""

from rapport.features.catalog.catalog import Catalog, catalog
from rapport.features.catalog.feature import FAMILIES, Feature
from rapport.features.catalog.vocabulary import Vocabulary, vocabulary_of
from rapport.features.feature_table.snapshot import snapshot
from rapport.features.feature_table.training_rows import training_rows
from rapport.features.targets.contract_churn import BY_ORDERS, ChurnRule
from rapport.features.targets.outcomes import TARGETS, Target

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

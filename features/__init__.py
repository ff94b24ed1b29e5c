"""What we knew about a customer at a moment: declared, never fitted."""

from features.catalog import Catalog, Vocabulary, catalog, vocabulary_of
from features.engine import snapshot, training_rows
from features.feature import FAMILIES, Feature
from features.targets import TARGETS, Target

__all__ = [
    "FAMILIES",
    "TARGETS",
    "Catalog",
    "Feature",
    "Target",
    "Vocabulary",
    "catalog",
    "snapshot",
    "training_rows",
    "vocabulary_of",
]

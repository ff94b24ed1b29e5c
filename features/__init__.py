"""What we knew about a customer at a moment: declared, never fitted."""

from features.by_contract import is_by_contract
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
    "is_by_contract",
    "snapshot",
    "training_rows",
    "vocabulary_of",
]

"""Bundles with former names in their evaluation and record are read under the current names."""

import pytest
from former_bundle import with_former_names

from rapport.scoring.models.stored_names import EVALUATION_NAMES, PROVENANCE_NAMES, with_current_names

FORMER = {
    "evaluation": {
        "votes": {"many": 0.7, "card": 0.1},
        "guards": {"leaks": [], "doubled": 2},
        "size": {"rows": 10, "rarer_outcome": 4},
        "level": {"shift": 0.1, "since": None},
        "card": {"tiers": [{"tier": "A", "said": 0.2}, {"tier": "B", "said": 0.4}]},
        "spend": {"mean_expected": 5.0, "mean_came": 6.0},
    },
    "record": {
        "search": 0,
        "shapes": {
            "newest": {"leaves": 7, "rounds": 80, "rate": 0.05, "seeds": 2, "ridge": 10.0}
            | {"columns": 0.5, "rows": 0.7, "leaf_share": 0.01},
            "many": {"leaves": 15, "rounds": 90},
        },
    },
    "grade": "B",
}
CURRENT = {
    "evaluation": {
        "weights": {"many": 0.7, "card": 0.1},
        "data_checks": {"leaks": [], "duplicates": 2},
        "size": {"rows": 10, "minority_count": 4},
        "level": {"shift": 0.1, "observed": None},
        "card": {"tiers": [{"tier": "A", "predicted": 0.2}, {"tier": "B", "predicted": 0.4}]},
        "spend": {"mean_expected": 5.0, "mean_observed": 6.0},
    },
    "record": {
        "search": 0,
        "gbm_params": {
            "recent": {"num_leaves": 7, "n_estimators": 80, "learning_rate": 0.05, "seeds": 2, "reg_lambda": 10.0}
            | {"feature_fraction": 0.5, "bagging_fraction": 0.7, "min_leaf_share": 0.01},
            "historical": {"num_leaves": 15, "n_estimators": 90},
        },
    },
    "grade": "B",
}


def names(value):
    """Return all keys of a nested value."""
    if isinstance(value, list):
        return {name for each in value for name in names(each)}
    return set(value) | {name for each in value.values() for name in names(each)} if isinstance(value, dict) else set()


def test_former_names_are_read_as_current_names_and_values_stay():
    assert with_current_names(FORMER) == CURRENT


def test_every_former_name_is_covered_here():
    former = {path.rpartition(".")[2] for path in (*EVALUATION_NAMES, *PROVENANCE_NAMES)}
    assert former <= names(FORMER)


@pytest.mark.parametrize("stored", [CURRENT, {}, {"evaluation": {"card": None}, "record": {}}])
def test_current_and_incomplete_content_is_unchanged(stored):
    assert with_current_names(stored) == stored


def test_the_reverse_of_the_table_is_exact():
    assert with_former_names(CURRENT) == FORMER

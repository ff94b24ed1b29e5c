"""Lookup TreeSHAP against LightGBM's own Shapley values, for every kind of booster."""

import lightgbm as lgb
import numpy as np
import pytest

from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members.trees import TreesMember

NAMES = ["a", "b", "c", "d", "word"]
COLUMNS = tuple(
    FeatureColumn(name, "fit", "category" if name == "word" else "count", 0, False, name, name, tuple("pqrstuvwxy"))
    for name in NAMES
)


def rows(count: int, seed: int, *, unknown: float) -> Matrix:
    draw = np.random.default_rng(seed)
    values = np.round(draw.normal(0, 2, (count, len(NAMES))), 1)
    values[:, -1] = draw.integers(0, 10, count)
    values[draw.random(values.shape) < unknown] = np.nan
    return Matrix(COLUMNS, values)


def booster(learnt: Matrix, labels: np.ndarray, **settings: object) -> str:
    plain = {
        "objective": "binary", "num_leaves": 15, "learning_rate": 0.2, "num_threads": 1, "verbose": -1, "seed": 1,
        "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1.0,
    }  # fmt: skip
    data = lgb.Dataset(learnt.values, labels, feature_name=NAMES, categorical_feature=[4], params={**plain, **settings})
    return str(lgb.train({**plain, **settings}, data, 20).model_to_string())


def outcome(learnt: Matrix) -> np.ndarray:
    known = np.nan_to_num(learnt.values, nan=1.0)
    return (known[:, 0] * known[:, 1] + known[:, 2] + (known[:, 4] % 3 == 1) > 0.5).astype(int)


@pytest.mark.parametrize("unknown_then", [0.0, 0.2])
@pytest.mark.parametrize("unknown_now", [0.0, 0.4])
@pytest.mark.parametrize(
    ("settings", "by_tables"),
    [
        ({}, True),
        ({"max_depth": 3}, True),
        ({"num_leaves": 2}, True),
        ({"num_leaves": 40, "max_depth": 9}, True),
        ({"boosting": "dart"}, True),
        ({"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5}, True),
        ({"use_missing": False}, True),
        ({"max_cat_to_onehot": 1}, True),
        ({"max_cat_to_onehot": 20}, True),
        ({"zero_as_missing": True}, False),
        ({"num_leaves": 400, "min_data_in_leaf": 1, "max_bin": 1000}, False),
    ],
)
def test_lookup_shapley_values_equal_lightgbm(settings, by_tables, unknown_then, unknown_now):
    learnt = rows(600, 3, unknown=unknown_then)
    trees = TreesMember(
        "trees", (booster(learnt, outcome(learnt), **settings), booster(learnt, outcome(learnt), **settings))
    )
    given = rows(150, 4, unknown=unknown_now)
    given.values[0] = [np.inf, -np.inf, 0.0, 1e300, 9999.0]
    given.values[1] = [0.0, -0.0, 1e-36, -1e-300, -1.0]
    assert trees.disagreement(given) < 1e-9
    assert trees._lookup is not None or not by_tables


def test_trees_without_splits_predict_the_same_for_every_row():
    learnt = rows(100, 5, unknown=0.1)
    trees = TreesMember("trees", (booster(learnt, np.r_[0, np.ones(99, dtype=int)], min_data_in_leaf=90),))
    reading = trees.centred_on(learnt).contributions(learnt)
    assert not reading.by_feature.any()
    assert np.ptp(reading.logit()) == 0.0
